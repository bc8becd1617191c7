"""The ends of an interval that restricts a univariate distribution."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import biject_to, transform_to
from torch.distributions import constraints as tc

from pyro.distributions.tails import log_tails
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like


class AtMost(tc.less_than):
    """The reals up to and including ``upper_bound``."""

    def check(self, value: Tensor) -> Tensor:
        holds: Tensor = value <= self.upper_bound
        return holds


@biject_to.register(AtMost)
@transform_to.register(AtMost)
def _at_most(constraint: Any) -> Any:
    return biject_to(tc.less_than(constraint.upper_bound))


class IntervalEnds(NamedTuple):
    """A closed interval; None at an end means that there is none."""

    low: Tensor | None
    high: Tensor | None

    @classmethod
    def fit(
        cls, name: str, base: Any, low: Numeric | None, high: Numeric | None
    ) -> tuple[Any, IntervalEnds]:
        """The base, broadcast, and the ends as tensors of its batch shape.

        :raises ValueError: if the base is not univariate, or the ends are out of order.
        """
        if base.event_shape:
            raise ValueError(
                f"{name} needs a univariate distribution, but event_shape is "
                f"{tuple(base.event_shape)}; apply .to_event() to {name} instead"
            )
        like = _zero_like(base)
        ends = [None if end is None else tensor_like(end, like) for end in (low, high)]
        shape = broadcast_shape(base.batch_shape, *(e.shape for e in ends if e is not None))
        result = cls(*(None if e is None else e.expand(shape) for e in ends))
        if base.support.is_discrete:
            result = result.rounded()
        first, last = result
        if first is not None and last is not None and not (first <= last).all():
            raise ValueError(f"{name}: expected low <= high, got low={low}, high={high}")
        return base if base.batch_shape == shape else base.expand(shape), result

    def rounded(self) -> IntervalEnds:
        """The smallest and the largest integer inside."""
        return IntervalEnds(
            None if self.low is None else self.low.ceil(),
            None if self.high is None else self.high.floor(),
        )

    def tails_below(self, base: Any) -> tuple[Tensor, Tensor]:
        """The log tails just below the lower end, which itself belongs to the interval."""
        if self.low is None:
            zero = _zero_like(base)
            return torch.full_like(zero, -math.inf), torch.zeros_like(zero)
        return log_tails(base, self.low - 1 if base.support.is_discrete else self.low)

    def tails_upto(self, base: Any) -> tuple[Tensor, Tensor]:
        """The log tails at the upper end."""
        if self.high is None:
            zero = _zero_like(base)
            return torch.zeros_like(zero), torch.full_like(zero, -math.inf)
        return log_tails(base, self.high)

    def tails_above(self, base: Any) -> Tensor:
        """The log probability of the upper end and everything above it."""
        end = self.high - 1 if base.support.is_discrete else self.high  # type: ignore[operator]
        return log_tails(base, end)[1]  # type: ignore[arg-type]

    def restrict(self, log_prob: Tensor, value: Tensor) -> Tensor:
        """``-inf`` where the value lies outside."""
        if self.low is not None:
            log_prob = torch.where(value < self.low, -math.inf, log_prob)
        if self.high is not None:
            log_prob = torch.where(value > self.high, -math.inf, log_prob)
        return log_prob

    def clamp(self, value: Tensor) -> Tensor:
        """The nearest value inside."""
        if self.low is not None:
            value = torch.maximum(value, self.low)
        if self.high is not None:
            value = torch.minimum(value, self.high)
        return value

    def intersect(self, support: Any) -> Any:
        """The constraint of the part of a univariate support that lies inside."""
        low, high = (getattr(support, f"{side}_bound", None) for side in ("lower", "upper"))
        low = self.low if low is None or self.low is None else self.low.clamp(min=low)
        high = self.high if high is None or self.high is None else self.high.clamp(max=high)
        low = getattr(support, "lower_bound", None) if low is None else low
        high = getattr(support, "upper_bound", None) if high is None else high
        if support.is_discrete:
            return tc.integer_interval(
                -math.inf if low is None else low, math.inf if high is None else high
            )
        if low is None:
            return support if high is None else AtMost(high)  # type: ignore[no-untyped-call]
        return tc.greater_than_eq(low) if high is None else tc.interval(low, high)

    def search_range(self, support: Any, like: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers between which every quantile lies, the first one strictly below."""
        inside = self.intersect(support)
        low = getattr(inside, "lower_bound", -math.inf)
        high = getattr(inside, "upper_bound", math.inf)
        low, high = (torch.as_tensor(e, dtype=like.dtype, device=like.device) for e in (low, high))
        return (low - 1 if support.is_discrete else low), high

    def _values(self, support: Any) -> tuple[float, float] | None:
        """The first and the last value of a finite discrete support common to the batch."""
        if not support.is_discrete:
            return None
        inside = self.intersect(support)
        low, high = torch.as_tensor(inside.lower_bound), torch.as_tensor(inside.upper_bound)
        if not low.numel() or not (low == low.max()).all() or not (high == high.max()).all():
            return None
        first, last = low.max().item(), high.max().item()
        return None if math.isinf(first) or math.isinf(last) else (first, last)

    def enumerable(self, base: Any) -> bool:
        """Whether there is one finite list of values."""
        return self._values(base.support) is not None

    def enumerate(self, base: Any, expand: bool) -> Tensor:
        """All integers inside, of shape ``(n,) + batch_shape``.

        :raises NotImplementedError: if there are infinitely many, or the ends of a batch differ.
        """
        ends = self._values(base.support)
        if ends is None:
            raise NotImplementedError(
                f"{base!r} between {self} has no common, finite list of values"
            )
        like = _zero_like(base)
        values = torch.arange(ends[0], ends[1] + 1, dtype=like.dtype, device=like.device)
        values = values.reshape((-1,) + (1,) * len(base.batch_shape))
        return values.expand(values.shape[:1] + base.batch_shape) if expand else values


def _zero_like(base: Any) -> Tensor:
    """Zero in the dtype and on the device of a distribution's parameters."""
    for value in base.__dict__.values():
        if isinstance(value, Tensor) and value.is_floating_point():
            return value.new_zeros(())
    for value in base.__dict__.values():
        if isinstance(value, td.Distribution):
            return _zero_like(value)
    return torch.zeros(())
