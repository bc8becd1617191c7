r"""Logarithms of tail probabilities of univariate families: one registry.

Truncation and censoring need :math:`\log P(X \le x)`, :math:`\log P(X > x)` and the log
probability of intervals, also where these probabilities are below the smallest number of the dtype.
A family without an entry is served by its ``cdf``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.expanded import ExpandedDistribution
from pyro.distributions.feasible import feasible_point
from pyro.distributions.masked import MaskedDistribution
from pyro.ops.incomplete import log_incomplete_beta, log_incomplete_gamma
from pyro.ops.log_ndtr import log_ndtr
from pyro.ops.tail_functions import log1mexp, log_diff_exp, log_ndtri

Tails: TypeAlias = Callable[[Any, Tensor], tuple[Tensor, Tensor]]
"""From a distribution and a value inside the support to log P(X <= x) and log P(X > x)."""

Quantile: TypeAlias = Callable[[Any, Tensor, Tensor], Tensor | None]
"""From a distribution, log u and log(1 - u) to the value whose cdf is u, or None to search it."""


class Entry(NamedTuple):
    """What is known of a family."""

    tails: Tails
    quantile: Quantile | None


_ENTRIES: dict[type, Entry] = {}


def register_tails(family: type, quantile: Quantile | None = None) -> Callable[[Tails], Tails]:
    r"""Decorator that makes a function the log tails of a family and of its subclasses.

    The function gets a distribution and values strictly inside of the support, and returns
    :math:`\log P(X \le x)` and :math:`\log P(X > x)`, differentiable in value and parameters.

    :param family: A class of univariate distributions.
    :param quantile: The quantile, from the distribution, log u and log(1 - u); a search otherwise.

    Example::

        >>> class Exponential2(dist.Exponential):
        ...     "An exponential law whose tails are spelled out."
        >>> @register_tails(Exponential2)
        ... def _tails(d, x):
        ...     return log1mexp(-d.rate * x), -d.rate * x
        >>> log_survival(Exponential2(1.0), torch.tensor(800.0))
        tensor(-800.)
    """

    def register(tails: Tails) -> Tails:
        _ENTRIES[family] = Entry(tails, quantile)
        return tails

    return register


def entry_of(distribution: Any) -> Entry:
    """The entry of the most special class that has one, or one made of ``cdf``."""
    for cls in type(distribution).__mro__:
        if cls in _ENTRIES:
            return _ENTRIES[cls]
    return Entry(_from_cdf, None)


def log_tails(distribution: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\log P(X \le x)` and :math:`\log P(X > x)`; x may be infinite or off the support.

    :param distribution: A univariate distribution that is registered or has a ``cdf``.
    :raises NotImplementedError: if it is neither.

    Example::

        >>> log_tails(dist.Normal(0.0, 1.0), torch.tensor([-40.0, 0.0]))[0]
        tensor([-8.0461e+02, -6.9315e-01])
    """
    support = distribution.support
    low, high = (getattr(support, f"{side}_bound", None) for side in ("lower", "upper"))
    below = x < low if support.is_discrete and low is not None else x <= _or(low, -math.inf)
    above = x >= _or(high, math.inf)
    outside = below | above
    if outside.any():
        point = feasible_point(support, x)
        x = torch.where(outside, torch.zeros_like(x) if point is None else point, x)
    lower, upper = entry_of(distribution).tails(distribution, x)
    if outside.any():
        lower = torch.where(below, -math.inf, torch.where(above, 0.0, lower))
        upper = torch.where(above, -math.inf, torch.where(below, 0.0, upper))
    return lower, upper


def _or(bound: Any, default: float) -> Any:
    return default if bound is None else bound


def log_cdf(distribution: Any, x: Tensor) -> Tensor:
    r""":math:`\log P(X \le x)`, accurate far to the left."""
    return log_tails(distribution, x)[0]


def log_survival(distribution: Any, x: Tensor) -> Tensor:
    r""":math:`\log P(X > x)`, accurate far to the right."""
    return log_tails(distribution, x)[1]


def log_between(low: tuple[Tensor, Tensor], high: tuple[Tensor, Tensor]) -> Tensor:
    r""":math:`\log P(a < X \le b)` from the log tails at a and at b.

    The difference is that of the smaller tails: of survival functions right of the median, of
    distribution functions left of it.
    """
    right = low[1] < low[0]
    return log_diff_exp(torch.where(right, low[1], high[0]), torch.where(right, high[1], low[0]))


def _from_cdf(distribution: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    cdf = distribution.cdf(x)
    return cdf.log(), torch.log1p(-cdf)


@register_tails(ExpandedDistribution, lambda d, *logs: entry_quantile(d.base_dist, *logs))
@register_tails(MaskedDistribution, lambda d, *logs: entry_quantile(d.base_dist, *logs))
def _wrapped(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    return entry_of(d.base_dist).tails(d.base_dist, x)


def entry_quantile(distribution: Any, log_u: Tensor, log_1mu: Tensor) -> Tensor | None:
    """The registered quantile, or None if the family has none."""
    quantile = entry_of(distribution).quantile
    return None if quantile is None else quantile(distribution, log_u, log_1mu)


def _loc_scale(standard: Callable[[Tensor, Tensor], Tensor]) -> Quantile:
    return lambda d, log_u, log_1mu: d.loc + d.scale * standard(log_u, log_1mu)


def _symmetric(left: Callable[[Tensor], Tensor]) -> Quantile:
    """The quantile of a symmetric law from that of its left half."""

    def standard(log_u: Tensor, log_1mu: Tensor) -> Tensor:
        x = left(torch.minimum(log_u, log_1mu))
        return torch.where(log_u < log_1mu, x, -x)

    return _loc_scale(standard)


@register_tails(td.Normal, _symmetric(log_ndtri))
def _normal(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    z = (x - d.loc) / d.scale
    return log_ndtr(z), log_ndtr(-z)


@register_tails(td.LogNormal, lambda d, *logs: _normal_quantile(d.base_dist, *logs).exp())
def _log_normal(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    return _normal(d.base_dist, x.log())


_normal_quantile: Any = _ENTRIES[td.Normal].quantile


@register_tails(td.HalfNormal)
def _half_normal(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    upper = log_ndtr(-x / d.scale) + math.log(2)
    return torch.special.erf(x / d.scale * math.sqrt(0.5)).log(), upper


@register_tails(td.Exponential, lambda d, _, log_1mu: -log_1mu / d.rate)
def _exponential(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    upper = -d.rate * x
    return log1mexp(upper), upper


@register_tails(td.Weibull, lambda d, _, log_1mu: d.scale * (-log_1mu) ** (1 / d.concentration))
def _weibull(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    upper = -((x / d.scale) ** d.concentration)
    return log1mexp(upper), upper


@register_tails(td.Pareto, lambda d, _, log_1mu: d.scale * (-log_1mu / d.alpha).exp())
def _pareto(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    upper = -d.alpha * (x / d.scale).log()
    return log1mexp(upper), upper


@register_tails(td.Gumbel, _loc_scale(lambda log_u, _: -(-log_u).log()))
def _gumbel(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    lower = -((d.loc - x) / d.scale).exp()
    return lower, log1mexp(lower)


@register_tails(td.Laplace, _symmetric(lambda log_u: log_u + math.log(2)))
def _laplace(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    z = (x - d.loc) / d.scale
    near = -z.abs() - math.log(2)
    far = log1mexp(near)
    return torch.where(z < 0, near, far), torch.where(z < 0, far, near)


@register_tails(td.Cauchy, _symmetric(lambda log_u: -1 / torch.tan(log_u.exp() * math.pi)))
def _cauchy(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    z = (x - d.loc) / d.scale
    # The angle of (z, 1) in the upper half plane is small exactly where the upper tail is.
    one = torch.ones_like(z)
    return (torch.atan2(one, -z) / math.pi).log(), (torch.atan2(one, z) / math.pi).log()


@register_tails(td.HalfCauchy)
def _half_cauchy(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    z = x / d.scale
    angle = 2 / math.pi
    return (z.atan() * angle).log(), (torch.atan2(torch.ones_like(z), z) * angle).log()


@register_tails(td.StudentT)
def _student(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    z = (x - d.loc) / d.scale
    square = z.double().clamp(-1e150, 1e150) ** 2
    total = d.df + square
    half = torch.full_like(total, 0.5)
    two_sided = log_incomplete_beta(d.df / 2, half, d.df / total, square / total)[0]
    near = (two_sided - math.log(2)).to(z.dtype)
    far = log1mexp(near)
    return torch.where(z < 0, near, far), torch.where(z < 0, far, near)


@register_tails(td.Gamma)
def _gamma(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    return log_incomplete_gamma(d.concentration, d.rate * x)


@register_tails(td.InverseGamma)
def _inverse_gamma(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    upper, lower = log_incomplete_gamma(d.concentration, d.rate / x)
    return lower, upper


@register_tails(td.Beta)
def _beta(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    return log_incomplete_beta(d.concentration1, d.concentration0, x, 1 - x)


@register_tails(td.Poisson)
def _poisson(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    upper, lower = log_incomplete_gamma(x.floor() + 1, d.rate)
    return lower, upper


@register_tails(td.Geometric)
def _geometric(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    upper = torch.log1p(-d.probs) * (x.floor() + 1)
    return log1mexp(upper), upper


@register_tails(td.NegativeBinomial)
def _negative_binomial(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    return log_incomplete_beta(d.total_count, x.floor() + 1, 1 - d.probs, d.probs)


@register_tails(td.Binomial)
def _binomial(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    k = x.floor()
    return log_incomplete_beta(d.total_count - k, k + 1, 1 - d.probs, d.probs)


@register_tails(td.FisherSnedecor)
def _fisher_snedecor(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    total = d.df1 * x + d.df2
    return log_incomplete_beta(d.df1 / 2, d.df2 / 2, d.df1 * x / total, d.df2 / total)


@register_tails(td.Uniform)
def _uniform(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    width = (d.high - d.low).log()
    return (x - d.low).log() - width, (d.high - x).log() - width


@register_tails(td.GeneralizedPareto)
def _generalized_pareto(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    upper = d.log_survival_function(x)
    return log1mexp(upper), upper


@register_tails(td.Kumaraswamy)
def _kumaraswamy(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    upper = d.concentration0 * log1mexp(d.concentration1 * x.log())
    return log1mexp(upper), upper


@register_tails(td.TransformedDistribution)
def _transformed(d: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Those of the base, which a decreasing transform swaps."""
    sign: Any = 1
    for transform in reversed(d.transforms):
        x = transform.inv(x)
        sign = sign * transform.sign
    lower, upper = log_tails(d.base_dist, x)
    increasing = torch.as_tensor(sign, device=x.device) > 0
    return torch.where(increasing, lower, upper), torch.where(increasing, upper, lower)
