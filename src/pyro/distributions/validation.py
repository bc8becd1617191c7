"""Checks of parameters and values, cheap enough to stay on in the inner loop.

The common constraints are decided by one reduction; only when it fails is the precise mask of
``Constraint.check`` computed, and the message built from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

_SHOWN = 3


def _real(constraint: Any, value: Tensor) -> bool:
    total = value.item() if value.numel() == 1 else value.sum().item()
    return total - total == 0  # nan and infinities are left to the precise check


def _greater_than(constraint: Any, value: Tensor) -> bool:
    low = value.item() if value.numel() == 1 else value.min().item()
    return bool(constraint.lower_bound < low)


def _greater_than_eq(constraint: Any, value: Tensor) -> bool:
    low = value.item() if value.numel() == 1 else value.min().item()
    return bool(constraint.lower_bound <= low)


def _interval(constraint: Any, value: Tensor) -> bool:
    if value.numel() == 1:
        return bool(constraint.lower_bound <= value.item() <= constraint.upper_bound)
    low, high = torch.aminmax(value.detach())
    return bool(constraint.lower_bound <= low.item() and high.item() <= constraint.upper_bound)


def _independent(constraint: Any, value: Tensor) -> bool:
    return constraint.event_dim <= value.dim() and holds(constraint.base_constraint, value)


def _boolean(constraint: Any, value: Tensor) -> bool:
    if value.dtype is torch.bool:
        return True
    if value.numel() == 1:
        return value.item() in (0, 1)
    value = value.detach()
    return not (value * (1 - value)).any()


# A False of these means "look closer", a True is final.
_FAST: dict[type, Callable[[Any, Tensor], bool]] = {
    type(tc.real): _real,
    type(tc.positive): _greater_than,
    type(tc.nonnegative): _greater_than_eq,
    type(tc.unit_interval): _interval,
    type(tc.real_vector): _independent,
    type(tc.boolean): _boolean,
}


def holds(constraint: Any, value: Tensor) -> bool:
    """Whether all of ``value`` satisfies ``constraint``."""
    fast = _FAST.get(type(constraint))
    if fast is not None and value.numel() and not value.is_complex():
        bound = getattr(constraint, "lower_bound", 0)
        if not isinstance(bound, Tensor) and not isinstance(
            getattr(constraint, "upper_bound", 0), Tensor
        ):
            if fast(constraint, value):
                return True
    return bool(constraint.check(value).all())


def describe_invalid(constraint: Any, value: Tensor) -> str:
    """The first offending entries of ``value``, each with its index."""
    value = value.detach()
    bad = ~constraint.check(value)
    if bad.dim() == 0:
        return f"found {value.tolist()}" if value.numel() <= 16 else f"of shape {value.shape}"
    positions = bad.nonzero()
    parts = []
    for position in positions[:_SHOWN].tolist():
        index = tuple(position)
        entry = value.expand(bad.shape + value.shape[bad.dim() :])[index] if index else value
        parts.append(f"{entry.tolist()} at index {index}")
    more = len(positions) - len(parts)
    return "found " + ", ".join(parts) + (f" and {more} more" if more > 0 else "")


class ValidatedDistribution(td.Distribution):
    """A torch distribution with our argument and value checks in the place of torch's."""

    def __init__(
        self,
        batch_shape: torch.Size = torch.Size(),
        event_shape: torch.Size = torch.Size(),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = batch_shape
        self._event_shape = event_shape
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args and not torch._C._get_tracing_state():
            self._validate_parameters()

    def _validate_parameters(self) -> None:
        """Check every parameter that was given (not those derived lazily).

        :raises ValueError: naming the parameter, its constraint and the first offending values.
        """
        given = self.__dict__
        for name, constraint in self.arg_constraints.items():
            if isinstance(constraint, tc._Dependent):
                continue
            value = given.get(name)
            if value is None:
                if isinstance(getattr(type(self), name), td.utils.lazy_property):
                    continue
                value = getattr(self, name)
            if isinstance(value, Tensor) and not holds(constraint, value):
                raise ValueError(
                    f"Expected parameter {name} (Tensor of shape {tuple(value.shape)}) of "
                    f"distribution {self!r} to satisfy the constraint {constraint!r}, "
                    f"but {describe_invalid(constraint, value)}"
                )

    def _validate_sample(self, value: Tensor) -> None:
        """Check shape and support of a value to be scored.

        :raises ValueError: naming both shapes, or the support and the first offending values.
        """
        if not isinstance(value, Tensor):
            raise ValueError(f"the value to be scored must be a Tensor, not {type(value).__name__}")
        if torch._C._get_tracing_state():
            return
        expected = self._batch_shape + self._event_shape
        if value.shape != expected:
            self._validate_value_shape(value.shape, expected)
        support = self.support
        if support is not None and not holds(support, value):
            raise ValueError(
                f"Expected value argument (Tensor of shape {tuple(value.shape)}) to be within the "
                f"support ({support!r}) of the distribution {self!r}, "
                f"but {describe_invalid(support, value)}"
            )

    def _validate_value_shape(self, actual: torch.Size, expected: torch.Size) -> None:
        start = len(actual) - len(self._event_shape)
        if actual[max(start, 0) :] != self._event_shape:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{tuple(actual)} vs {tuple(self._event_shape)}."
            )
        for i, j in zip(reversed(actual), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{tuple(actual)} vs {tuple(expected)}."
                )
