"""The times at which lineages can join."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Transform, biject_to, transform_to
from torch.distributions import constraints as tc

from pyro.distributions.validation import fast_check


class CoalescentTimesConstraint(tc.Constraint):
    r"""Coalescent times of given leaves: :math:`c_1 \le \dots \le c_{n-1}` and
    :math:`c_j \le s_{(j)}`

    where :math:`s_{(j)}` are the leaf times in ascending order: whenever two lineages join, two
    must be there.  Kingman (1982), *The Coalescent*, Stochastic Processes and their Applications
    13.

    :param leaf_times: Shape (..., n), in any order.
    :param ordered: Whether coalescent times must ascend.

    Example::

        >>> c = CoalescentTimesConstraint(torch.tensor([0.0, 0.0, 1.0]))
        >>> c.check(torch.tensor([[-1.0, -0.5], [-0.5, -1.0], [-1.0, 0.5]]))
        tensor([ True, False, False])
    """

    event_dim = 1

    def __init__(self, leaf_times: Tensor, *, ordered: bool = True) -> None:
        self.leaf_times = leaf_times.sort(-1).values
        self.ordered = ordered

    def check(self, value: Tensor) -> Tensor:
        value = value if self.ordered else value.sort(-1).values
        ascends = (value[..., 1:] >= value[..., :-1]).all(-1)
        possible = (value <= self.leaf_times[..., :-1]) & value.isfinite()
        return ascends & possible.all(-1)

    def __repr__(self) -> str:
        return f"CoalescentTimesConstraint(ordered={self.ordered})"

    def feasible_point(self, like: Tensor) -> Tensor:
        """Times before all leaves."""
        ascending = torch.arange(-like.shape[-1], 0, dtype=like.dtype, device=like.device)
        return self.leaf_times[..., :1].detach() + ascending


@fast_check(CoalescentTimesConstraint)
def _are_possible(constraint: CoalescentTimesConstraint, value: Tensor) -> bool:
    value = value.detach()
    if not constraint.ordered or value.shape[-1] < 2:
        return False
    ascends = (value[..., 1:] - value[..., :-1]).min().item() >= 0  # not where there is a nan
    slack = (constraint.leaf_times[..., :-1] - value).min().item()
    return ascends and slack >= 0 and value[..., 0].min().item() > -math.inf


class _FromLogWaits(Transform):
    r""":math:`c_j = \min(s_{(j)}, c_{j+1}) - e^{x_j}`, for all j at once.

    With :math:`w = e^x` and :math:`W_j = \sum_{i \ge j} w_i` it is
    :math:`c_j = \min_{m \ge j} (s_{(m)} + W_{m+1}) - W_j`.
    """

    domain = tc.real_vector
    bijective = True

    def __init__(self, codomain: CoalescentTimesConstraint) -> None:
        super().__init__()
        self.codomain = codomain
        self._limits = codomain.leaf_times[..., :-1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _FromLogWaits) and other.codomain is self.codomain

    __hash__ = Transform.__hash__

    def _call(self, x: Tensor) -> Tensor:
        limits = self._limits.expand_as(x)
        waits = x.exp()
        later = waits.flip(-1).cumsum(-1).flip(-1)
        times = _least_after(limits + (later - waits)) - later
        return _least_after(torch.minimum(times, limits))  # against rounding

    def _inverse(self, y: Tensor) -> Tensor:
        limits = self._limits.expand_as(y)
        nearer = torch.minimum(limits[..., :-1], y[..., 1:])
        waits = torch.cat([nearer, limits[..., -1:]], -1) - y
        return waits.clamp(min=torch.finfo(y.dtype).tiny).log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.sum(-1)


def _least_after(x: Tensor) -> Tensor:
    """The least of each entry and those after it."""
    return x.flip(-1).cummin(-1).values.flip(-1)


@biject_to.register(CoalescentTimesConstraint)
@transform_to.register(CoalescentTimesConstraint)
def _coalescent_times(constraint: Any) -> Any:
    return _FromLogWaits(constraint)
