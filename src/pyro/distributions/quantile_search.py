"""Quantiles of any univariate law from its log tails, by bisection."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyro.distributions.tails import log_tails

_MAX_STEPS = 2200


def search_quantile(
    distribution: Any, log_u: Tensor, log_1mu: Tensor, low: Tensor, high: Tensor
) -> Tensor:
    """The smallest value with cdf at least u, between ``low`` and ``high``; not differentiable.

    Each entry is compared in the smaller of its two tails, so that far tails are resolved.

    :param log_u: log u, of the shape of the result.
    :param log_1mu: log(1 - u).
    :param low: A number below the quantile, or minus infinity.
    :param high: A number not below the quantile, or infinity.

    Example::

        >>> u = torch.tensor([0.5, 0.99])
        >>> inf = torch.tensor(float("inf"))
        >>> search_quantile(dist.Poisson(2.0), u.log(), (1 - u).log(), torch.tensor(-1.0), inf)
        tensor([2., 6.])
    """
    discrete = distribution.support.is_discrete
    right = log_1mu < log_u
    # The probability of reaching an integer exactly, back through logarithms, must find it again.
    slack = 256 * torch.finfo(log_u.dtype).eps if discrete else 0.0

    def reached(x: Tensor) -> Tensor:
        lower, upper = log_tails(distribution, x)
        return torch.where(right, upper <= log_1mu + slack, lower >= log_u - slack)

    low, high = _bracket(reached, low.expand_as(log_u), high.expand_as(log_u))
    for _ in range(_MAX_STEPS):
        middle = low + (high - low) / 2
        middle = middle.floor() if discrete else middle
        if ((middle <= low) | (middle >= high)).all():
            break
        above = reached(middle)
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return high


def _bracket(reached: Any, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Finite ends on both sides of the quantile, found by doubling steps."""
    no_low, no_high = low.isinf(), high.isinf()
    anchor = torch.where(no_low, torch.where(no_high, 0.0, high), low)
    step = torch.ones_like(anchor)
    low, high = torch.where(no_low, anchor - 1, low), torch.where(no_high, anchor + 1, high)
    for _ in range(_MAX_STEPS):
        short = no_high & ~reached(high)
        beyond = no_low & reached(low)
        if not (short | beyond).any():
            break
        step = 2 * step
        low = torch.where(short, high, torch.where(beyond, anchor - step, low))
        high = torch.where(short, anchor + step, high)
    limit = torch.finfo(anchor.dtype).max
    return low.clamp(min=-limit), high.clamp(max=limit)
