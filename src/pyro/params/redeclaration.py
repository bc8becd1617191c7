"""Whether two constraints say the same, and the warning when a parameter is re-declared."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from pyro.params.entry import Constraint, Entry


def same_constraint(a: Any, b: Any) -> bool:
    """Whether two constraints are of one type and have equal arguments (tensors by value)."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Constraint):
        return same_constraint(vars(a), vars(b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_constraint(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same_constraint, a, b))
    if isinstance(a, Tensor):
        return a.shape == b.shape and a.device == b.device and torch.equal(a, b)
    return bool(a == b)


def differs(entry: Entry, init: Any, constraint: Constraint, event_dim: int | None) -> bool:
    """Whether a later declaration contradicts the first one.

    With ``event_dim``, only that many rightmost dimensions count: those to the left belong to
    plates, which may be subsampled.
    """
    if constraint is not entry.seen:
        if not same_constraint(constraint, entry.constraint):
            return True
        entry.seen = constraint
    if not isinstance(init, Tensor) or init.shape == entry.shape:
        return False
    if event_dim is None:
        return True
    first = max(init.ndim - event_dim, 0)
    return init.shape[first:] != entry.shape[max(len(entry.shape) - event_dim, 0) :]


def warn(entry: Entry, init: Any, constraint: Constraint) -> None:
    """Say that a parameter was declared differently before, and that the first one is kept."""
    shape = f", shape {tuple(init.shape)}" if isinstance(init, Tensor) else ""
    warnings.warn(
        f"param {entry.name!r} was declared with constraint {entry.constraint!r}, shape "
        f"{tuple(entry.shape)}, and is now re-declared with constraint {constraint!r}{shape}. The "
        "first declaration is kept. Use another name, delete it from pyro.get_param_store(), or "
        "call pyro.clear_param_store() first.",
        UserWarning,
        stacklevel=4,
    )
