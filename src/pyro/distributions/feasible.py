"""One harmless point of every support, found without drawing random numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.constraints import corr_matrix, integer, sphere


def feasible_point(support: Any, like: Tensor) -> Tensor | None:
    """A point inside ``support`` that broadcasts against ``like``, or None if none is known.

    :param support: A constraint; one of ours may bring a method ``feasible_point(like)``.
    :param like: A value whose dtype, device and event shape the point takes.
    """
    support = _strip(support)
    own = getattr(support, "feasible_point", None)
    if own is not None:
        return own(like)  # type: ignore[no-any-return]
    low, high = getattr(support, "lower_bound", None), getattr(support, "upper_bound", None)
    point: Any = None
    if support.event_dim > 0:
        return _structured(support, like)
    if low is not None and high is not None:
        point = low if support.is_discrete else (low + high) / 2
    elif low is not None:
        point = low if support.is_discrete else low + 1
    elif high is not None:
        point = high if support.is_discrete else high - 1
    elif support in (tc.real, tc.boolean, integer):
        point = 0
    return None if point is None else torch.as_tensor(point, dtype=like.dtype, device=like.device)


def fill_masked(fn: Any, value: Any, mask: Tensor | bool) -> Any:
    """Put a point of the support where masked-out elements of a value are nan.

    Missing data then need no placeholders, and reach neither checks nor gradients.

    :param fn: The distribution that is to score the value.
    :param mask: True where elements count; broadcasts to the batch shape of the value.
    """
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return value
    where = torch.as_tensor(mask, device=value.device)
    missing = value.isnan() & ~where.reshape(where.shape + (1,) * fn.event_dim)
    point = feasible_point(fn.support, value) if bool(missing.any()) else None
    return value if point is None else torch.where(missing, point, value)


def _strip(support: Any) -> Any:
    while isinstance(support, tc.independent):
        support = support.base_constraint
    return support


def _structured(support: Any, like: Tensor) -> Tensor | None:
    """Points of supports over vectors and matrices."""
    size = like.shape[-1]
    if support is tc.simplex:
        return like.new_full((size,), 1.0 / size)
    if support in (tc.one_hot, sphere):
        return torch.eye(size, dtype=like.dtype, device=like.device)[0]
    if support in _MATRICES:
        return torch.eye(size, dtype=like.dtype, device=like.device)
    if isinstance(support, tc.multinomial):
        return like.new_zeros((size,))
    return None


_MATRICES = (
    tc.lower_cholesky,
    tc.lower_triangular,
    tc.corr_cholesky,
    corr_matrix,
    tc.positive_definite,
    tc.positive_semidefinite,
    tc.square,
    tc.symmetric,
)
