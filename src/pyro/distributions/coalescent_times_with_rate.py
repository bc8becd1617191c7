"""Kingman's coalescent at a rate that changes in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.coalescent_times_constraint import CoalescentTimesConstraint
from pyro.distributions.expand_parameters import expand_shape
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.coalescent import (
    lineages,
    log_pairs,
    rate_at,
    sample_coalescent_times,
    time_of_amount,
)
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape

_SCALAR = torch.Size()


class CoalescentTimesWithRate(TorchDistribution):
    r""":math:`f(c) = \prod_{j=1}^{n-1} r(c_j) \binom{k(c_j)}{2} \cdot
    \exp\Bigl(-\int r(t) \binom{k(t)}{2} dt\Bigr)`

    As :class:`CoalescentTimes`, with a rate that is constant in each of the intervals
    :math:`(-\infty, 1], [1, 2], \dots, [T-1, \infty)`: what genealogies say of the history of a
    population, or of an epidemic.

    Popinga, Vaughan, Stadler and Drummond (2015), *Inferring Epidemiological Dynamics with Bayesian
    Coalescent Inference*, Genetics 199, equation 1; Kingman (1982), *On the Genealogy of Large
    Populations*, J. Appl. Probab. 19.

    :param leaf_times: The times of the leaves, real, of shape (..., n), in any order.
    :param rate_grid: The rates at which a pair of lineages joins, positive, of shape (..., T).  The
        dims ... of both broadcast to the batch shape; the event shape is (n - 1).

    Example::

        >>> leaf_times = torch.tensor([0.3, 2.0, 2.7])
        >>> d = dist.CoalescentTimesWithRate(leaf_times, torch.tensor([0.5, 2.0]))
        >>> d.log_prob(torch.tensor([-1.0, 1.5]))
        tensor(-1.6500)
    """

    arg_constraints = {"leaf_times": tc.real_vector, "rate_grid": tc.independent(tc.positive, 1)}
    has_rsample = True

    def __init__(
        self, leaf_times: Numeric, rate_grid: Numeric, *, validate_args: bool | None = None
    ) -> None:
        self.leaf_times, self.rate_grid = as_tensors(leaf_times, rate_grid)
        shape = broadcast_shape(self.leaf_times.shape[:-1], self.rate_grid.shape[:-1])
        self._support = CoalescentTimesConstraint(self.leaf_times)
        super().__init__(shape, torch.Size((self.leaf_times.shape[-1] - 1,)), validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """The event has one entry less than ``leaf_times``."""
        *batch, leaves = arg_shapes["leaf_times"]
        shape = broadcast_shape(tuple(batch), tuple(arg_shapes["rate_grid"])[:-1])
        return shape, torch.Size((leaves - 1,))

    @property
    def duration(self) -> int:
        """The number of rates, T."""
        return int(self.rate_grid.shape[-1])

    @tc.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> Any:
        """Ascending times at which two lineages are there to join."""
        return self._support

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; parameters are stored once."""
        return expand_shape(self, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A draw at rate 1 on the clock that goes as fast as the rate."""
        leaves = self._support.leaf_times
        clock = rate_at(self.rate_grid, leaves)[1].expand(*self._batch_shape, -1)
        one = clock.new_ones(self._batch_shape)
        draws = sample_coalescent_times(clock, one, torch.Size(sample_shape))
        times = time_of_amount(self.rate_grid, draws)
        return torch.minimum(times, leaves[..., :-1])  # against rounding

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        leaves = self._support.leaf_times
        at_leaves, at_coals = lineages(leaves, value)
        rate, amount = rate_at(self.rate_grid, value)
        pairs = (at_leaves * rate_at(self.rate_grid, leaves)[1]).sum(-1)
        terms = log_pairs(at_coals, value) + rate.log() + (at_coals - 1) * amount
        result = terms.sum(-1) - pairs
        return result.expand(broadcast_shape(result.shape, self._batch_shape))
