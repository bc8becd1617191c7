r"""Have the chains converged, and how much do they know? Statistics of draws.

All functions take draws of shape ``(chains, draws) + event`` and return a tensor of shape
``event``, in double precision; nan where the answer is undefined (constant draws, too few draws).

The definitions are those of Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), *Rank-
Normalization, Folding, and Localization: An Improved R-hat for Assessing Convergence of MCMC*,
sections 3 and 4.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyro.infer.mcmc.results.ordered import Ordered
from pyro.ops.tensor_utils import next_fast_len

_FEWEST = 4  # draws of a chain that can be halved


def r_hat(draws: Tensor) -> Tensor:
    r"""Rank-normalised split :math:`\widehat R`, the larger of that of location and of spread.

    Example::

        >>> from pyro.infer.mcmc.results.convergence import r_hat
        >>> r_hat(torch.randn(4, 1000)) < 1.01
        tensor(True)
        >>> r_hat(torch.randn(4, 1000) + torch.arange(4.0)[:, None]) > 1.5
        tensor(True)
    """
    halves = _halves(draws)
    if halves is None:
        return _undefined(draws)
    return _ranked_reduction(Ordered(halves)).reshape(draws.shape[2:])


def split_r_hat(draws: Tensor) -> Tensor:
    r"""The classical split :math:`\widehat R`, without ranks (Gelman et al. 2013, section 11.4)."""
    halves = _halves(draws)
    if halves is None:
        return _undefined(draws)
    return _scale_reduction(halves).reshape(draws.shape[2:])


def ess_bulk(draws: Tensor) -> Tensor:
    """Effective sample size of rank-normalised draws: that of the centre of the distribution.

    Example::

        >>> from pyro.infer.mcmc.results.convergence import ess_bulk
        >>> ess_bulk(torch.randn(4, 1000)) > 3000
        tensor(True)
        >>> ess_bulk(0.01 * torch.randn(4, 1000).cumsum(1)) < 100
        tensor(True)
    """
    halves = _halves(draws)
    if halves is None:
        return _undefined(draws)
    return _effective(Ordered(halves).normal_scores()).reshape(draws.shape[2:])


def ess_tail(draws: Tensor) -> Tensor:
    """The smaller of the effective sample sizes of the 5 % and the 95 % quantile."""
    halves = _halves(draws)
    if halves is None:
        return _undefined(draws)
    return _effective_tail(Ordered(halves)).reshape(draws.shape[2:])


def ess_mean(draws: Tensor) -> Tensor:
    """Effective sample size of the mean, without ranks."""
    halves = _halves(draws)
    if halves is None:
        return _undefined(draws)
    return _effective(halves).reshape(draws.shape[2:])


def mcse_mean(draws: Tensor) -> Tensor:
    """Monte Carlo standard error of the mean: the standard deviation over the root of the ESS."""
    return _deviation(draws) / ess_mean(draws).sqrt()


def mixing(draws: Tensor) -> dict[str, Tensor]:
    """``n_eff``, ``n_eff_tail``, ``r_hat`` and ``mcse``, by one sort of the draws.

    They are what :func:`ess_bulk`, :func:`ess_tail`, :func:`r_hat` and :func:`mcse_mean` return.
    """
    halves = _halves(draws)
    if halves is None:
        return {name: _undefined(draws) for name in ("n_eff", "n_eff_tail", "r_hat", "mcse")}
    ordered, event = Ordered(halves), draws.shape[2:]
    scores = ordered.normal_scores()
    return {
        "n_eff": _effective(scores).reshape(event),
        "n_eff_tail": _effective_tail(ordered).reshape(event),
        "r_hat": _ranked_reduction(ordered, scores).reshape(event),
        "mcse": _deviation(draws) / _effective(halves).reshape(event).sqrt(),
    }


def mcse_sd(draws: Tensor) -> Tensor:
    """Monte Carlo standard error of the standard deviation.

    By the delta method from the errors of the mean of squared deviations.
    """
    values = draws.double()
    squares = (values - values.mean((0, 1))).square()
    error = _deviation(squares) / ess_mean(squares).sqrt()
    return error / (2 * squares.mean((0, 1)).sqrt())


def bfmi(energy: Tensor) -> Tensor:
    """Energy Bayesian fraction of missing information of each chain; below 0.3 is suspicious.

    See Betancourt (2016), *Diagnosing Suboptimal Cotangent Disintegrations in Hamiltonian Monte
    Carlo*, section 3.

    :param energy: The Hamiltonian at each draw, of shape ``(chains, draws)``.
    :return: Shape ``(chains,)``.
    """
    energy = energy.double()
    return energy.diff(dim=1).square().mean(1) / energy.var(1)


def _deviation(draws: Tensor) -> Tensor:
    """The standard deviation of all draws."""
    count = draws.shape[0] * draws.shape[1]
    values = draws.double()
    return ((values - values.mean((0, 1))).square().sum((0, 1)) / (count - 1)).sqrt()


def _undefined(draws: Tensor) -> Tensor:
    return draws.new_full(draws.shape[2:], math.nan, dtype=torch.float64)


def _halves(draws: Tensor) -> Tensor | None:
    """Each chain as two, the middle draw of an odd number dropped.

    :return: Of shape ``(elements, chains, draws)``; None if there is nothing to be said.
    """
    if draws.shape[1] < _FEWEST or not draws.numel():
        return None
    x = draws.double().reshape(*draws.shape[:2], -1).permute(2, 0, 1)
    n = x.shape[2] // 2
    return torch.cat([x[..., :n], x[..., x.shape[2] - n :]], 1).contiguous()


def _ranked_reduction(ordered: Ordered, scores: Tensor | None = None) -> Tensor:
    """The larger of the scale reductions of ranks and of ranks of distances from the median."""
    bulk = ordered.normal_scores() if scores is None else scores
    distances = (ordered.draws - ordered.quantiles([0.5])[0, :, None, None]).abs()
    folded = Ordered(distances).normal_scores()
    return torch.maximum(_scale_reduction(bulk), _scale_reduction(folded))


def _scale_reduction(x: Tensor) -> Tensor:
    r"""Potential scale reduction of ``(elements, chains, draws)`` (equation 4)."""
    n = x.shape[2]
    within = x.var(2).mean(1)
    between = n * x.mean(2).var(1)
    ratio: Tensor = ((n - 1) / n * within + between / n) / within
    return ratio.sqrt()


def _effective_tail(ordered: Ordered) -> Tensor:
    levels = ordered.quantiles([0.05, 0.95])[..., None, None]
    low, high = (_effective((ordered.draws <= level).double()) for level in levels)
    return torch.minimum(low, high)


def _effective(x: Tensor) -> Tensor:
    """Effective sample size by Geyer's initial monotone sequence (equations 10 to 13)."""
    _, chains, n = x.shape
    covariances = _autocovariance(x)
    within = covariances[:, :1] * n / (n - 1)
    total = within * (n - 1) / n
    if chains > 1:
        total = total + x.mean(2).var(1)[:, None]
    rho = 1 - (within - covariances) / total
    rho[:, 0] = 1.0
    pairs = rho[:, : n - n % 2].unflatten(1, (-1, 2)).sum(2)
    positive = (pairs > 0).cumprod(1).bool()
    monotone = pairs.where(positive, math.inf).cummin(1).values
    tau = 2 * monotone.where(positive, 0.0).sum(1) - 1
    size = chains * n
    result: Tensor = size / tau.clamp(min=1 / math.log10(size))
    return result.where(total[:, 0] > 0, math.nan)


def _autocovariance(x: Tensor) -> Tensor:
    """Biased autocovariances at all lags, their mean over chains, by Fourier transforms."""
    n = x.shape[2]
    length = next_fast_len(2 * n - 1)
    transformed = torch.view_as_real(torch.fft.rfft(x - x.mean(2, keepdim=True), length))
    power = transformed.square().sum(-1).mean(1)
    sums: Tensor = torch.fft.irfft(power, length)[:, :n]
    return sums / n


__all__ = [
    "bfmi",
    "ess_bulk",
    "ess_mean",
    "ess_tail",
    "mcse_mean",
    "mcse_sd",
    "mixing",
    "r_hat",
    "split_r_hat",
]
