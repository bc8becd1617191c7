"""Checks of parameters and values, cheap enough to stay on in the inner loop.

The common constraints are decided by one reduction; only when it fails is the precise mask of
``Constraint.check`` computed, and the message built from it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

_SHOWN = 3

Fast = Callable[[Any, Tensor], bool]


class _Trust(threading.local):
    """Whether values are trusted in this thread."""

    values = False


_TRUST = _Trust()


@contextmanager
def trusted_values() -> Iterator[None]:
    """In this thread, no distribution checks values, not even one that was made to check them.

    Example::

        >>> d = dist.Exponential(1.0, validate_args=True)
        >>> with trusted_values():
        ...     d.log_prob(torch.tensor(-1.0))
        tensor(1.)
    """
    before = _TRUST.values
    _TRUST.values = True
    try:
        yield
    finally:
        _TRUST.values = before


def _low(value: Tensor) -> float:
    """The smallest entry; nan if there is one."""
    return value.item() if value.numel() == 1 else value.min().item()


def _ends(value: Tensor) -> tuple[float, float]:
    """The smallest and the largest entry; nan if there is one."""
    if value.numel() == 1:
        item = value.item()
        return item, item
    low, high = torch.aminmax(value.detach())
    return low.item(), high.item()


def _number(bound: Any) -> float:
    """A bound as a number; nan, which no comparison passes, when it has many entries."""
    if isinstance(bound, Tensor):
        return bound.item() if bound.numel() == 1 else math.nan
    return bound  # type: ignore[no-any-return]


def is_integral(value: Tensor) -> bool:
    """Whether all entries are whole numbers."""
    if not value.is_floating_point():
        return True
    if value.numel() == 1:
        return float(value.item()).is_integer()
    return _is_zero(value.detach().frac())


def _is_zero(value: Tensor) -> bool:
    low, high = torch.aminmax(value)
    return low.item() == 0 == high.item()


def _real(constraint: Any, value: Tensor) -> bool:
    total = value.item() if value.numel() == 1 else value.detach().sum().item()
    return total - total == 0  # nan and infinities are left to the precise check


def _greater_than(constraint: Any, value: Tensor) -> bool:
    return _number(constraint.lower_bound) < _low(value)


def _greater_than_eq(constraint: Any, value: Tensor) -> bool:
    return _number(constraint.lower_bound) <= _low(value)


def _interval(constraint: Any, value: Tensor) -> bool:
    if isinstance(constraint.lower_bound, Tensor) and constraint.lower_bound.numel() > 1:
        return False
    low, high = _ends(value)
    return _number(constraint.lower_bound) <= low and high <= _number(constraint.upper_bound)


def _integer_interval(constraint: Any, value: Tensor) -> bool:
    return _interval(constraint, value) and is_integral(value)


def _integer_greater_than(constraint: Any, value: Tensor) -> bool:
    return _greater_than_eq(constraint, value) and is_integral(value)


def _independent(constraint: Any, value: Tensor) -> bool:
    return constraint.event_dim <= value.dim() and holds(constraint.base_constraint, value)


def _boolean(constraint: Any, value: Tensor) -> bool:
    if value.dtype is torch.bool:
        return True
    if value.numel() == 1:
        return value.item() in (0, 1)
    value = value.detach()
    return _is_zero(value * (1 - value))


def _simplex(constraint: Any, value: Tensor) -> bool:
    value = value.detach()
    return value.min().item() >= 0 and (value.sum(-1) - 1).abs().max().item() < 1e-6


def _lower_cholesky(constraint: Any, value: Tensor) -> bool:
    value = value.detach()
    if value.shape[-1] != value.shape[-2] or value.diagonal(dim1=-2, dim2=-1).min().item() <= 0:
        return False
    above = torch.ones(value.shape[-2:], dtype=value.dtype, device=value.device).triu_(1)
    return not (value * above).any()  # tril is slow for a batch of small matrices


def _corr_cholesky(constraint: Any, value: Tensor) -> bool:
    length = torch.linalg.vector_norm(value.detach(), dim=-1)
    tolerance = 10 * torch.finfo(value.dtype).eps * value.shape[-1]
    return (length - 1).abs_().max().item() <= tolerance and _lower_cholesky(constraint, value)


def _positive_definite(constraint: Any, value: Tensor) -> bool:
    value = value.detach()
    return (
        torch.allclose(value, value.mT, atol=1e-6)
        and not torch.linalg.cholesky_ex(value).info.any()
    )


# A False of these means "look closer", a True is final.
_FAST: dict[type, Fast] = {
    type(tc.real): _real,
    type(tc.positive): _greater_than,
    type(tc.nonnegative): _greater_than_eq,
    type(tc.unit_interval): _interval,
    type(tc.nonnegative_integer): _integer_greater_than,
    tc.integer_interval: _integer_interval,
    type(tc.real_vector): _independent,
    type(tc.boolean): _boolean,
    type(tc.simplex): _simplex,
    type(tc.lower_cholesky): _lower_cholesky,
    type(tc.corr_cholesky): _corr_cholesky,
    type(tc.positive_definite): _positive_definite,
}


def fast_check(kind: type) -> Callable[[Fast], Fast]:
    """Decorator of a function ``(constraint, value) -> bool`` that decides constraints of a kind.

    Its True is final; after a False the constraint's own ``check`` is asked.
    """

    def register(function: Fast) -> Fast:
        _FAST[kind] = function
        return function

    return register


def holds(constraint: Any, value: Tensor) -> bool:
    """Whether all of ``value`` satisfies ``constraint``."""
    fast = _FAST.get(type(constraint))
    if fast is not None and value.numel() and fast(constraint, value):
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


def invalid_parameter(distribution: Any, name: str, constraint: Any, value: Tensor) -> ValueError:
    """The error to raise for one invalid parameter."""
    return ValueError(
        f"Expected parameter {name} (Tensor of shape {tuple(value.shape)}) of "
        f"distribution {distribution!r} to satisfy the constraint {constraint!r}, "
        f"but {describe_invalid(constraint, value)}"
    )


class ValidatedDistribution(td.Distribution):
    """A torch distribution with our argument and value checks in the place of torch's.

    The default is our own: ``torch.compile`` switches torch's off for the whole process.
    """

    _validate_args: bool = __debug__

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

    def _keep_validation(self, validate_args: bool | None) -> None:
        """After a construction without checks: follow the argument or the default from now on."""
        if validate_args is None:
            self.__dict__.pop("_validate_args", None)
        else:
            self._validate_args = validate_args

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
                raise invalid_parameter(self, name, constraint, value)

    def _validate_sample(self, value: Tensor) -> None:
        """Check shape and support of a value to be scored.

        :raises ValueError: naming both shapes, or the support and the first offending values.
        """
        if not isinstance(value, Tensor):
            raise ValueError(f"the value to be scored must be a Tensor, not {type(value).__name__}")
        if torch._C._get_tracing_state() or _TRUST.values:
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
