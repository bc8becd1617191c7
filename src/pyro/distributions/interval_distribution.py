"""Base of univariate laws that are changed at the ends of an interval, and beyond them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.interval_ends import IntervalEnds
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.shapes import Numeric

_SCALAR = torch.Size()


class IntervalDistribution(TorchDistribution):
    """A law made from a univariate base and the ends of an interval, ``self._ends``.

    Example::

        >>> d = dist.Truncated(dist.Poisson(3.0), low=2, high=4)
        >>> d.low, d.high, d.enumerate_support()
        (tensor(2.), tensor(4.), tensor([2., 3., 4.]))
    """

    arg_constraints: dict[str, Any] = {}
    base_dist: Any

    def __init__(
        self,
        base_dist: Any,
        low: Numeric | None = None,
        high: Numeric | None = None,
        validate_args: bool | None = None,
    ) -> None:
        name = type(self).__name__
        self.base_dist, self._ends = IntervalEnds.fit(name, base_dist, low, high)
        super().__init__(self.base_dist.batch_shape, _SCALAR, validate_args)

    @property
    def low(self) -> Tensor | None:
        """The lower end."""
        return self._ends.low

    @property
    def high(self) -> Tensor | None:
        """The upper end."""
        return self._ends.high

    @tc.dependent_property(event_dim=0)
    def support(self) -> Any:
        """The part of the base's support between the ends, which belong to it."""
        return self._ends.intersect(self.base_dist.support)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast the base and the ends."""
        return expand_parameters(self, batch_shape)

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """Whether the values are integers between two ends."""
        return self._ends.enumerable(self.base_dist)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The integers between the ends.

        :raises NotImplementedError: if there are infinitely many values, or the ends of a batch
            differ.
        """
        return self._ends.enumerate(self.base_dist, expand)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist!r}, {self._ends})"
