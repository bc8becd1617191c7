"""One parameter: an unconstrained leaf tensor and the constraint of its value."""

from __future__ import annotations

import weakref
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributions import Transform, constraints, transform_to

from pyro.errors import ParamConstraintError

Constraint = constraints.Constraint


def _dead_reference() -> None:
    """What a reference to a leaf becomes when it is pickled: it refers to nothing."""


class LeafRef(weakref.ref[Tensor]):
    """A weak reference to a leaf that may be copied and pickled (a plain one may not)."""

    def __deepcopy__(self, memo: dict[int, Any]) -> LeafRef:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (_Dead, "reference")


class _Dead:
    reference = staticmethod(_dead_reference)


class Entry:
    """A parameter's leaf tensor ``u`` and constraint; its value is ``transform_to(constraint)(u)``.

    :param name: The name, for messages.
    :param leaf: A floating point leaf tensor with ``requires_grad``.
    :param constraint: The constraint of the value.
    """

    __slots__ = ("constraint", "identity", "leaf", "name", "ref", "seen", "shape", "transform")

    def __init__(self, name: str, leaf: Tensor, constraint: Constraint) -> None:
        self.name = name
        self.leaf = leaf
        self.constraint = constraint
        self.seen = constraint
        self.transform = _transform(name, constraint)
        self.ref = LeafRef(leaf)
        with torch.no_grad():
            value: Tensor = self.transform(leaf)
        self.identity = value is leaf
        self.shape = value.shape
        if self.identity:
            leaf.unconstrained = self.ref  # type: ignore[attr-defined]

    def value(self) -> Tensor:
        """The constrained value, computed afresh; the leaf itself where nothing constrains it."""
        if self.identity:
            return self.leaf
        value: Tensor = self.transform(self.leaf)
        value.unconstrained = self.ref  # type: ignore[attr-defined]
        return value

    def write(self, unconstrained: Tensor) -> bool:
        """Copy into the leaf, if shape, dtype and device allow, and say whether it was done."""
        leaf = self.leaf
        same = (unconstrained.shape, unconstrained.dtype, unconstrained.device)
        if same != (leaf.shape, leaf.dtype, leaf.device):
            return False
        with torch.no_grad():
            leaf.copy_(unconstrained)
        return True


def make_leaf(name: str, value: Tensor, constraint: Constraint) -> Tensor:
    """A fresh unconstrained leaf of ``value``, on its device.

    :raises ParamConstraintError: if ``value`` does not satisfy ``constraint``.
    """
    leaf = unconstrain(name, value, constraint).clone(memory_format=torch.contiguous_format)
    return leaf.requires_grad_()


def unconstrain(name: str, value: Tensor, constraint: Constraint) -> Tensor:
    """The unconstrained tensor ``u`` with ``transform_to(constraint)(u) = value``, detached.

    :raises ParamConstraintError: if ``value`` does not satisfy ``constraint``, or lies on a
        boundary that no finite ``u`` reaches.
    """
    transform = _transform(name, constraint)
    with torch.no_grad():
        value = value.detach()
        if constraint is constraints.real:
            bad = value.isnan()
            if bad.any():
                raise _outside(name, value, constraint, bad)
            return value
        try:
            ok: Tensor = constraint.check(value)
            unconstrained: Tensor = transform.inv(value)
        except (RuntimeError, ValueError) as error:
            raise _outside(name, value, constraint, None) from error
        if not (ok.all() and unconstrained.isfinite().all()):
            _accept_rounding(name, value, constraint, ok, unconstrained)
    return unconstrained


def as_tensor(name: str, value: Any) -> Tensor:
    """``value`` as a floating point (or complex) tensor; Python numbers and integers are converted.

    :raises ParamConstraintError: if ``value`` is neither tensor nor number.
    """
    if not isinstance(value, Tensor):
        try:
            value = torch.as_tensor(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ParamConstraintError(
                f"param {name!r}: the initial value must be a tensor, a number or a callable that "
                f"returns one, but is {type(value).__name__}: {value!r}"
            ) from error
        if value.is_floating_point() and value.ndim == 0:
            value = value.to(torch.get_default_dtype())
    if not (value.is_floating_point() or value.is_complex()):
        value = value.to(torch.get_default_dtype())
    return cast(Tensor, value)


def _transform(name: str, constraint: Constraint) -> Transform:
    try:
        return cast(Transform, transform_to(constraint))
    except NotImplementedError as error:
        raise ParamConstraintError(
            f"param {name!r}: no transform from the real numbers to constraint {constraint!r} is "
            "known, so it cannot be optimised. Use a continuous constraint, or register a "
            "transform with transform_to.register(...)."
        ) from error


def _accept_rounding(
    name: str, value: Tensor, constraint: Constraint, ok: Tensor, unconstrained: Tensor
) -> None:
    """Let pass what fails the check by rounding only, e.g. a float32 simplex of many elements."""
    if unconstrained.isfinite().all():
        back = _transform(name, constraint)(unconstrained)
        if back.shape == value.shape and torch.allclose(back, value, rtol=1e-4, atol=1e-6):
            return
        raise _outside(name, value, constraint, ~ok)
    bad = ~ok if not ok.all() else ~unconstrained.isfinite()
    raise _outside(name, value, constraint, bad)


def _outside(
    name: str, value: Tensor, constraint: Constraint, bad: Tensor | None
) -> ParamConstraintError:
    offending = value
    if bad is not None and bad.shape == value.shape[: bad.ndim]:
        offending = value[bad]
    shown = offending.flatten()[:8].tolist()
    more = ", ..." if offending.numel() > 8 else ""
    return ParamConstraintError(
        f"param {name!r}: the value lies outside (or on an unreachable boundary of) its constraint "
        f"{constraint!r}. Shape {tuple(value.shape)}; offending values: "
        f"[{', '.join(f'{x:.6g}' if isinstance(x, float) else str(x) for x in shown)}{more}]. "
        "Give an initial value strictly inside the constraint, or another constraint."
    )
