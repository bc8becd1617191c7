"""How well Markov chains mix: autocorrelation, effective sample size, potential scale reduction."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.ops.tensor_utils import next_fast_len


def autocovariance(input: Tensor, dim: int = 0) -> Tensor:
    r"""The autocovariances of a chain, by fast Fourier transforms.

    .. math::
        c_k = \frac{1}{n-k} \sum_{i=1}^{n-k} (x_i - \bar x)(x_{i+k} - \bar x)

    :return: As ``input``, with the lags :math:`k = 0, \ldots, n - 1` along ``dim``.

    Example::

        >>> from pyro.ops.stats import autocovariance
        >>> autocovariance(torch.arange(6.0))
        tensor([ 2.9167,  1.7500,  0.2500, -1.5833, -3.7500, -6.2500])
    """
    x = input.movedim(dim, -1)
    n = x.shape[-1]
    x = x - x.mean(-1, keepdim=True)
    spectrum = torch.fft.rfft(x, n=next_fast_len(2 * n))
    power = spectrum.real.square() + spectrum.imag.square()
    sums = torch.fft.irfft(power, n=next_fast_len(2 * n))[..., :n]
    covariance: Tensor = sums / torch.arange(n, 0, -1).to(sums)
    return covariance.movedim(-1, dim)


def autocorrelation(input: Tensor, dim: int = 0) -> Tensor:
    """The autocovariances of a chain divided by its variance; 1 for a chain that stands still.

    :return: As ``input``, with the lags along ``dim``.

    Example::

        >>> from pyro.ops.stats import autocorrelation
        >>> autocorrelation(torch.tensor([1.0, -1.0, 1.0, -1.0])).round()
        tensor([ 1., -1.,  1., -1.])
    """
    covariance = autocovariance(input, dim)
    variance = covariance.select(dim, 0).unsqueeze(dim)
    return torch.where(variance > 0, covariance / variance, torch.ones_like(covariance))


def gelman_rubin(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    r"""The potential scale reduction :math:`\hat R` of chains: 1 when they agree.

    The square root of the estimated variance of the target (within and between chains) over the
    mean variance within chains.

    See Gelman and Rubin (1992), *Inference from Iterative Simulation Using Multiple Sequences*.

    :param chain_dim: The dim of the chains, at least two.
    :param sample_dim: The dim of the samples of a chain, at least two.
    :return: As ``input`` without these dims.
    :raises ValueError: if there are too few chains or samples.

    Example::

        >>> from pyro.ops.stats import gelman_rubin
        >>> x = torch.randn(4, 1000)
        >>> bool(gelman_rubin(x) < 1.01), bool(gelman_rubin(x + torch.arange(4.0)[:, None]) > 1.4)
        (True, True)
    """
    chains = _chains(input, chain_dim, sample_dim, "gelman_rubin", least_chains=2)
    within, total = _variances(chains)
    return (total / within).sqrt()


def split_gelman_rubin(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    r""":func:`gelman_rubin` of the halves of chains, which also notices that a chain drifts.

    With an odd number of samples the one in the middle is left out.

    See Gelman, Carlin, Stern, Dunson, Vehtari and Rubin (2013), *Bayesian Data Analysis*, section
    11.4.

    :param chain_dim: The dim of the chains, one is enough.
    :param sample_dim: The dim of the samples of a chain, at least four.
    :return: As ``input`` without these dims.
    :raises ValueError: if there are too few samples.

    Example::

        >>> from pyro.ops.stats import split_gelman_rubin
        >>> bool(split_gelman_rubin(torch.randn(1, 1000) + torch.arange(1000.0) / 500) > 1.1)
        True
    """
    chains = _chains(input, chain_dim, sample_dim, "split_gelman_rubin", least_samples=4)
    half = chains.shape[1] // 2
    within, total = _variances(torch.cat([chains[:, :half], chains[:, -half:]]))
    return (total / within).sqrt()


def effective_sample_size(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    r"""How many independent draws would give an average the variance that it has from these chains.

    :math:`m n / \tau` for m chains of n samples, where :math:`\tau = 1 + 2 \sum_t \rho_t`, with the
    autocorrelations :math:`\rho_t` of all chains combined. Their sums over pairs of lags are made
    to decrease, and are left out from the first negative one on.

    See Geyer (2011), *Introduction to Markov Chain Monte Carlo*, section 1.10.2; Stan Development
    Team, *Stan Reference Manual*, "Effective sample size".

    :param chain_dim: The dim of the chains.
    :param sample_dim: The dim of the samples of a chain, at least two.
    :return: As ``input`` without these dims.
    :raises ValueError: if there are too few samples.

    Example::

        >>> from pyro.ops.stats import effective_sample_size
        >>> bool((effective_sample_size(torch.randn(4, 1000)) - 4000).abs() < 600)
        True
    """
    chains = _chains(input, chain_dim, sample_dim, "effective_sample_size")
    m, n = chains.shape[:2]
    if m == 1:
        correlation = autocorrelation(chains, 1)[0]
    else:
        within, total = _variances(chains)
        correlation = 1 - (within - autocovariance(chains, 1).mean(0)) / total
        correlation = torch.cat([torch.ones_like(correlation[:1]), correlation[1:]])
    pairs = correlation[: n - n % 2].unflatten(0, (-1, 2)).sum(1)
    positive = (pairs > 0).cumprod(0)
    decreasing = pairs.cummin(0).values * positive
    tau: Tensor = (2 * decreasing.sum(0) - 1).clamp(min=1 / (m * n))
    return m * n / tau


def _chains(
    input: Tensor,
    chain_dim: int,
    sample_dim: int,
    name: str,
    *,
    least_chains: int = 1,
    least_samples: int = 2,
) -> Tensor:
    """The chains leftmost, their samples next."""
    if input.dim() < 2:
        raise ValueError(f"{name} needs dims of chains and of samples, not {tuple(input.shape)}")
    chains = input.movedim((chain_dim, sample_dim), (0, 1))
    if chains.shape[0] < least_chains or chains.shape[1] < least_samples:
        raise ValueError(
            f"{name} needs {least_chains} chains (dim {chain_dim}) of {least_samples} samples (dim "
            f"{sample_dim}) or more, but the shape is {tuple(input.shape)}"
        )
    return chains


def _variances(chains: Tensor) -> tuple[Tensor, Tensor]:
    """The mean variance within chains, and the estimated variance of the target."""
    n = chains.shape[1]
    within = chains.var(1).mean(0)
    return within, within * (n - 1) / n + chains.mean(1).var(0)
