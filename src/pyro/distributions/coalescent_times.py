"""Kingman's coalescent at a constant rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.coalescent_times_constraint import CoalescentTimesConstraint
from pyro.distributions.expand_parameters import expand_shape
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.coalescent import lineages, log_pairs, sample_coalescent_times
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape

_SCALAR = torch.Size()


class CoalescentTimes(TorchDistribution):
    r""":math:`f(c) = \prod_{j=1}^{n-1} r \binom{k(c_j)}{2} \cdot
    \exp\Bigl(-r \int \binom{k(t)}{2} dt\Bigr)`

    The times, in ascending order, at which the lineages of n leaves join, two at a time: a law of
    genealogies, whose leaves may have been sampled at different times.  :math:`k(t)` counts the
    lineages at time t (at :math:`c_j`, just after it), and each pair joins at the rate r, back in
    time.

    Kingman (1982), *On the Genealogy of Large Populations*, J. Appl. Probab. 19; with leaves of
    different times, Rodrigo and Felsenstein (1999), *Coalescent Approaches to HIV Population
    Genetics*.

    :param leaf_times: The times of the leaves, real, of shape (..., n), in any order.
    :param rate: :math:`r`, positive, of shape (...), the rate at which a pair joins.  The dims ...
        of both broadcast to the batch shape; the event shape is (n - 1).

    Example::

        >>> d = dist.CoalescentTimes(torch.tensor([0.0, 0.0, 1.0]), rate=2.0)
        >>> d.log_prob(torch.tensor([-1.0, -0.5]))
        tensor(-1.5151)
    """

    arg_constraints = {"leaf_times": tc.real_vector, "rate": tc.positive}
    has_rsample = True

    def __init__(
        self, leaf_times: Numeric, rate: Numeric = 1.0, *, validate_args: bool | None = None
    ) -> None:
        self.leaf_times, self.rate = as_tensors(leaf_times, rate)
        shape = broadcast_shape(self.leaf_times.shape[:-1], self.rate.shape)
        self._support = CoalescentTimesConstraint(self.leaf_times)
        super().__init__(shape, torch.Size((self.leaf_times.shape[-1] - 1,)), validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """The event has one entry less than ``leaf_times``."""
        *batch, leaves = arg_shapes["leaf_times"]
        shape = broadcast_shape(tuple(batch), tuple(arg_shapes.get("rate", ())))
        return shape, torch.Size((leaves - 1,))

    @tc.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> Any:
        """Ascending times at which two lineages are there to join."""
        return self._support

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; parameters are stored once."""
        return expand_shape(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """From the latest leaf back in time, all samples at once."""
        leaves = self._support.leaf_times.expand(*self._batch_shape, -1)
        return sample_coalescent_times(leaves, self.rate, torch.Size(sample_shape))

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        leaves = self._support.leaf_times
        at_leaves, at_coals = lineages(leaves, value)
        latest = leaves.detach()[..., -1:]
        pairs = (at_leaves * (leaves - latest)).sum(-1)
        pairs = pairs - ((at_coals - 1) * (value - latest)).sum(-1)
        result: Tensor = self._event_shape[0] * self.rate.log() - self.rate * pairs
        result = result + log_pairs(at_coals, value).sum(-1)
        return result.expand(broadcast_shape(result.shape, self._batch_shape))
