"""Pareto smoothed importance sampling."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from pyro.ops.pareto_fit import fit_exceedances

_EQUAL = 1e-5  # weights that differ less, relative to the largest, differ by rounding


class Smoothed(NamedTuple):
    """What :func:`psis` returns."""

    log_weights: Tensor
    k_hat: Tensor


def psis(log_weights: Tensor, dim: int = 0, r_eff: float = 1.0) -> Smoothed:
    r"""Replace the largest importance weights by what a law fitted to their tail lets one expect.

    The :math:`M = \min(n / 5, 3 \sqrt{n / r})` largest weights exceed a threshold, the largest of
    the others. A generalised Pareto law is fitted to the exceedances, and they become its quantiles
    at :math:`(z - 1/2) / M`, but none becomes larger than the largest weight was. The shape
    :math:`\hat k` of the law says how far to trust averages under these weights: below 0.5, the
    usual error of an average applies; up to :math:`\min(1 - 1 / \log_{10} n, 0.7)`, averages are
    practically useful; above 1, the average that is estimated may not exist.

    See Vehtari, Simpson, Gelman, Yao and Gabry (2024), *Pareto Smoothed Importance Sampling*,
    algorithm 1 and section 3.

    :param log_weights: Logarithms of weights, which need not be normalised; :math:`n` along
        ``dim``, other dims are independent.
    :param r_eff: The relative efficiency :math:`r` of the draws: effective over actual number.
    :return: ``(log_weights, k_hat)``: normalised smoothed log weights of the shape that was given,
        and an estimate for each batch element. It is minus infinity where the largest weights
        differ by rounding alone (an exact proposal), and infinity where there are fewer than five
        of them (less than 21 draws) or a weight is NaN or infinite. Those weights are normalised,
        but not smoothed.
    :raises ValueError: if ``r_eff`` is not positive or there are no draws.

    Example::

        >>> from pyro.ops.psis import psis
        >>> x = dist.Normal(0.0, 1.0).sample((4000,))
        >>> log_weights = dist.Normal(0.5, 1.0).log_prob(x) - dist.Normal(0.0, 1.0).log_prob(x)
        >>> smoothed, k_hat = psis(log_weights)
        >>> print(f"{smoothed.logsumexp(0).abs():.3f}, {k_hat < 0.5}")
        0.000, True
    """
    given = log_weights.movedim(dim, -1)
    if not r_eff > 0 or not given.shape[-1]:
        raise ValueError(
            f"psis needs draws and a positive r_eff, but got {given.shape[-1]} draws along dim "
            f"{dim} of shape {tuple(log_weights.shape)}, and r_eff={r_eff}"
        )
    top = given.amax(-1, keepdim=True)
    ordered, order = (given - top).double().sort(-1)
    tail = tail_length(given.shape[-1], r_eff)
    usable = ordered.isfinite() | (ordered == -math.inf)
    k_hat = ordered.new_full(ordered.shape[:-1], math.inf)
    if tail >= 5:
        smooth, k_hat = _smooth_tail(ordered, tail)
        ordered = torch.cat([ordered[..., :-tail], smooth], -1)
    k_hat = torch.where(usable.all(-1), k_hat, math.inf)
    result = torch.empty_like(ordered).scatter_(-1, order, ordered).log_softmax(-1)
    return Smoothed(result.to(log_weights.dtype).movedim(-1, dim), k_hat.to(log_weights.dtype))


def tail_length(n: int, r_eff: float = 1.0) -> int:
    """How many of n weights are the tail."""
    return math.ceil(min(0.2 * n, 3 * math.sqrt(n / r_eff)))


def k_threshold(n: int) -> float:
    r"""The :math:`\hat k` up to which averages of n weighted draws are practically useful.

    >>> round(k_threshold(100), 3), k_threshold(10_000)
    (0.5, 0.7)
    """
    return min(1 - 1 / math.log10(n), 0.7)


def _smooth_tail(ordered: Tensor, tail: int) -> tuple[Tensor, Tensor]:
    """The smoothed tail of sorted log weights with maximum 0, and the shape of its law."""
    logs = ordered[..., -tail:]
    cutoff = ordered[..., -tail - 1, None].exp()
    exceedances = logs.exp() - cutoff
    spread = exceedances[..., -1] > _EQUAL
    safe = torch.where(spread[..., None], exceedances, 1 + torch.arange(tail).to(logs))
    k, sigma = fit_exceedances(safe)
    level = (torch.arange(tail, device=logs.device, dtype=logs.dtype) + 0.5) / tail
    quantiles = sigma[..., None] * torch.special.expm1(-k[..., None] * torch.log1p(-level))
    smooth = (cutoff + quantiles / k[..., None]).log().clamp(max=0.0)
    fits = spread & k.isfinite()
    k_hat = torch.where(spread, torch.where(k.isfinite(), k, math.inf), -math.inf)
    return torch.where(fits[..., None], smooth, logs), k_hat


__all__ = ["Smoothed", "k_threshold", "psis", "tail_length"]
