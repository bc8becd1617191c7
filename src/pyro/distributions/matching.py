"""What distributions over perfect matchings share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.matching import log_matchings, log_matchings_bethe, sample_matchings
from pyro.ops.shapes import Numeric, tensor_like

_SCALAR = torch.Size()


class MatchingConstraint(tc.Constraint):
    """Vectors of destinations in which each destination stands ``capacity`` times."""

    is_discrete = True
    event_dim = 1

    def __init__(self, destinations: int, capacity: int) -> None:
        self.destinations = destinations
        self.capacity = capacity

    def check(self, value: Tensor) -> Tensor:
        """Whether the sorted vector is the sorted matching."""
        if value.shape[-1] != self.destinations * self.capacity:
            return torch.zeros(value.shape[:-1], dtype=torch.bool, device=value.device)
        return (value.sort(-1).values == self.feasible_point(value)).all(-1)

    def feasible_point(self, like: Tensor) -> Tensor:
        """The sorted matching."""
        destinations = torch.arange(self.destinations, dtype=like.dtype, device=like.device)
        return destinations.repeat_interleave(self.capacity)


class Matching(TorchDistribution):
    """Base of :class:`OneOneMatching` and :class:`OneTwoMatching`; never instantiated."""

    arg_constraints = {"logits": tc.independent(tc.real, 2)}
    has_enumerate_support = True
    _capacity: ClassVar[int]

    def __init__(
        self,
        logits: Numeric,
        *,
        bp_iters: int | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.logits = tensor_like(logits)
        shape, capacity = self.logits.shape, self._capacity
        if len(shape) < 2 or shape[-2] != capacity * shape[-1] or not shape[-1]:
            raise ShapeError(
                f"{type(self).__name__} takes logits of shape (..., {capacity} * N, N), got "
                f"{tuple(shape)}"
            )
        if bp_iters is not None and bp_iters < 1:
            raise ValueError(f"bp_iters must be None or positive, got {bp_iters}")
        self.bp_iters = bp_iters
        super().__init__(shape[:-2], shape[-2:-1], validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """One destination for each source."""
        shape = torch.Size(arg_shapes["logits"])
        return shape[:-2], shape[-2:-1]

    @tc.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        """Vectors of the destination of each source, none of which is over- or underfull."""
        return MatchingConstraint(self.logits.shape[-1], self._capacity)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def log_partition(self) -> Tensor:
        """The log of the normaliser: exact, or by belief propagation if ``bp_iters`` is given."""
        if self.bp_iters is None:
            return log_matchings(self.logits, self._capacity)
        return log_matchings_bethe(self.logits, self._capacity, self.bp_iters)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        index = self._scored(value).long().unsqueeze(-1)
        shape = torch.broadcast_shapes(self.logits.shape[:-1], index.shape[:-1])
        logits = self.logits.expand(shape + self.logits.shape[-1:])
        chosen = logits.gather(-1, index.expand((*shape, 1))).squeeze(-1).sum(-1)
        return chosen - self.log_partition()

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Exact draws, also if ``bp_iters`` is given.

        :raises ShapeError: if the problem is too large for that.
        """
        with torch.no_grad():
            logits = self.logits.expand(torch.Size(sample_shape) + self.logits.shape)
            return sample_matchings(logits, self._capacity)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All matchings, of which there are ``N!`` or ``(2 N)! / 2^N``."""
        destinations = self.logits.shape[-1]
        values = torch.tensor(
            _assignments((self._capacity,) * destinations), device=self.logits.device
        )
        values = values.reshape(values.shape[:1] + (1,) * len(self._batch_shape) + values.shape[1:])
        return values.expand(values.shape[:1] + self.shape()) if expand else values


def _assignments(free: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All sequences that use up the free places of each destination."""
    if not any(free):
        return [()]
    return [
        (j, *rest)
        for j, n in enumerate(free)
        if n
        for rest in _assignments(free[:j] + (n - 1,) + free[j + 1 :])
    ]
