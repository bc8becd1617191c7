r"""Mean and variance of truncated univariate laws, by quadrature over their quantiles.

For densities :math:`E[g(X)] = \int_0^1 g(Q(u))\, du` is a trapezoidal sum in :math:`t`, where
:math:`u = \sigma(\sinh t)`: Takahasi and Mori (1974), *Double Exponential Formulas for Numerical
Integration*.  Laws on the integers are summed over all values that matter.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

_REACH, _STEP = 6.0, 0.15
_LOG_NEGLIGIBLE = -40.0
_MOST_VALUES = 10**6


def mean_and_variance(points: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Of points along the first dimension with weights that sum to one."""
    mean = (weights * points).sum(0)
    return mean, (weights * (points - mean).square()).sum(0)


def quadrature(truncated: Any) -> tuple[Tensor, Tensor]:
    """Points and weights that stand for a truncated law, of shape ``(n,) + batch_shape``.

    :raises NotImplementedError: if there are more than a million integers to be summed.
    """
    if truncated.base_dist.support.is_discrete:
        return _all_values(truncated)
    like = truncated._log_mass
    t = torch.arange(-_REACH, _REACH + _STEP / 2, _STEP, dtype=like.dtype, device=like.device)
    t = t.reshape((-1,) + (1,) * len(truncated.batch_shape))
    v = t.sinh().expand(t.shape[:1] + truncated.batch_shape)
    log_u, log_1mu = logsigmoid(v), logsigmoid(-v)
    points = truncated._with_gradient(truncated._quantile(log_u, log_1mu))
    weights = (log_u + log_1mu).exp() * t.cosh() * _STEP
    return torch.where(points.isfinite(), points, 0.0), weights / weights.sum(0)


def _all_values(truncated: Any) -> tuple[Tensor, Tensor]:
    """The integers between the outermost quantiles that matter, with their mass."""
    like = truncated._log_mass
    with torch.no_grad():
        tiny, one = torch.full_like(like, _LOG_NEGLIGIBLE), torch.zeros_like(like)
        first = truncated._quantile(tiny, one)
        last = truncated._quantile(one, tiny)
        count = int((last - first).max().item()) + 1 if like.numel() else 1
    if count > _MOST_VALUES:
        raise NotImplementedError(f"the moments of {truncated!r} sum over {count} values")
    steps = torch.arange(count, dtype=like.dtype, device=like.device)
    steps = steps.reshape((-1,) + (1,) * len(truncated.batch_shape))
    points = torch.minimum(first + steps, last)
    mass = (truncated.base_dist.log_prob(points) - like).exp()
    return points, torch.where(first + steps <= last, mass, 0.0)


def where_it_exists(moment: Tensor, truncated: Any, name: str) -> Tensor:
    """A moment, or the base's infinite or undefined one where an end of the law is open.

    :param name: ``"mean"`` or ``"variance"``.
    :raises NotImplementedError: if an end is open and the base does not know its moment.
    """
    inside = truncated.support
    ends = [getattr(inside, f"{side}_bound", -math.inf) for side in ("lower", "upper")]
    low, high = (torch.as_tensor(end, device=moment.device) for end in ends)
    bounded = low.isfinite() & high.isfinite()
    if bounded.all():
        return moment
    of_base = getattr(truncated.base_dist, name)
    return torch.where(bounded | of_base.isfinite(), moment, of_base)
