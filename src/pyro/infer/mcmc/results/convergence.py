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
    folded = (halves - _median(halves)).abs()
    both = torch.stack([_scale_reduction(_normal_scores(x)) for x in (halves, folded)])
    return both.amax(0).reshape(draws.shape[2:])


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
    return _effective(_normal_scores(halves)).reshape(draws.shape[2:])


def ess_tail(draws: Tensor) -> Tensor:
    """The smaller of the effective sample sizes of the 5 % and the 95 % quantile."""
    halves = _halves(draws)
    if halves is None:
        return _undefined(draws)
    levels = _quantiles(halves, [0.05, 0.95])
    sizes = [_effective((halves <= level).double()) for level in levels]
    return torch.stack(sizes).amin(0).reshape(draws.shape[2:])


def ess_mean(draws: Tensor) -> Tensor:
    """Effective sample size of the mean, without ranks."""
    halves = _halves(draws)
    if halves is None:
        return _undefined(draws)
    return _effective(halves).reshape(draws.shape[2:])


def mcse_mean(draws: Tensor) -> Tensor:
    """Monte Carlo standard error of the mean: the standard deviation over the root of the ESS."""
    return _deviation(draws) / ess_mean(draws).sqrt()


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
    """Each chain as two, the middle draw of an odd number dropped, of shape ``(chains, draws, n)``.

    None if there is nothing to be said.
    """
    if draws.shape[1] < _FEWEST or not draws.numel():
        return None
    x = draws.double().reshape(*draws.shape[:2], -1)
    n = x.shape[1] // 2
    return torch.cat([x[:, :n], x[:, x.shape[1] - n :]], 0)


def _median(x: Tensor) -> Tensor:
    return _quantiles(x, [0.5])[0]


def _quantiles(x: Tensor, probs: list[float]) -> Tensor:
    """Quantiles of all draws, of shape ``(len(probs), parameters)``, by interpolation."""
    ordered = x.flatten(0, 1).sort(0).values
    places = torch.tensor(probs, dtype=torch.float64, device=ordered.device) * (len(ordered) - 1)
    low, weight = places.floor().long(), places - places.floor()
    high = (low + 1).clamp(max=len(ordered) - 1)
    return torch.lerp(ordered[low], ordered[high], weight[:, None])


def _normal_scores(x: Tensor) -> Tensor:
    """Normal quantiles of the ranks among all draws; ties share their mean rank (equation 14)."""
    flat = x.flatten(0, 1)
    ordered, order = flat.sort(0)
    count = len(flat)
    position = torch.arange(count, dtype=torch.float64, device=flat.device)[:, None].expand_as(flat)
    starts = torch.ones_like(flat, dtype=torch.bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    first = position.where(starts, 0.0).cummax(0).values
    ends = torch.ones_like(starts)
    ends[:-1] = starts[1:]
    last = position.where(ends, float(count)).flip(0).cummin(0).values.flip(0)
    ranks = torch.empty_like(flat).scatter_(0, order, (first + last) / 2 + 1)
    scores: Tensor = torch.special.ndtri((ranks - 0.375) / (count + 0.25))
    return scores.reshape(x.shape)


def _scale_reduction(x: Tensor) -> Tensor:
    r"""Potential scale reduction of ``(chains, draws, parameters)`` (equation 4)."""
    n = x.shape[1]
    within = x.var(1).mean(0)
    between = n * x.mean(1).var(0)
    ratio: Tensor = ((n - 1) / n * within + between / n) / within
    return ratio.sqrt()


def _effective(x: Tensor) -> Tensor:
    """Effective sample size by Geyer's initial monotone sequence (equations 10 to 13)."""
    chains, n, _ = x.shape
    covariances = _autocovariance(x)
    within = covariances[:, 0].mean(0) * n / (n - 1)
    total = within * (n - 1) / n
    if chains > 1:
        total = total + x.mean(1).var(0)
    rho = 1 - (within - covariances.mean(0)) / total
    rho[0] = 1.0
    pairs = rho[: n - n % 2].reshape(n // 2, 2, -1).sum(1)
    positive = (pairs > 0).cumprod(0).bool()
    monotone = pairs.where(positive, math.inf).cummin(0).values
    tau = 2 * monotone.where(positive, 0.0).sum(0) - 1
    size = chains * n
    result = size / tau.clamp(min=1 / math.log10(size))
    return result.where(total > 0, math.nan)


def _autocovariance(x: Tensor) -> Tensor:
    """Biased autocovariances of each chain at all lags, by Fourier transforms."""
    n = x.shape[1]
    length = 1 << (2 * n - 1).bit_length()
    transformed = torch.fft.rfft(x - x.mean(1, keepdim=True), length, dim=1)
    power = transformed.real.square() + transformed.imag.square()
    sums: Tensor = torch.fft.irfft(power, length, dim=1)[:, :n]
    return sums / n


__all__ = [
    "bfmi",
    "ess_bulk",
    "ess_mean",
    "ess_tail",
    "mcse_mean",
    "mcse_sd",
    "r_hat",
    "split_r_hat",
]
