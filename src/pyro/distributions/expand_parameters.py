"""Expansion of a distribution by expansion of what it holds."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

import torch
import torch.distributions as td
from torch import Tensor

from pyro.errors import ShapeError
from pyro.ops.shapes import broadcast_shape

D = TypeVar("D", bound=td.Distribution)


def expand_parameters(
    distribution: D, batch_shape: Sequence[int], without: Sequence[str] = ()
) -> D:
    """The distribution with every tensor and inner distribution that it holds expanded.

    Each of them must carry the whole batch shape at the left of its own shape.

    :param batch_shape: The new batch shape; the present one broadcasts to it.
    :param without: Names of attributes that the result is to compute afresh.
    """
    if batch_shape == distribution._batch_shape:
        return distribution
    shape = torch.Size(batch_shape)
    rank = len(distribution._batch_shape)
    new = type(distribution).__new__(type(distribution))
    for name, value in distribution.__dict__.items():
        if name not in without:
            new.__dict__[name] = _expand(value, shape, rank)
    new._batch_shape = shape
    return new


def expand_shape(distribution: D, batch_shape: Sequence[int]) -> D:
    """The distribution with another batch shape, and parameters as they are.

    For families that broadcast their parameters when they use them.

    :raises ShapeError: (a ``ValueError``) if the present batch shape does not broadcast to it.
    """
    shape = torch.Size(batch_shape)
    if shape == distribution._batch_shape:
        return distribution
    if broadcast_shape(distribution._batch_shape, shape) != shape:
        raise ShapeError(
            f"{type(distribution).__name__} of batch shape {tuple(distribution._batch_shape)} "
            f"cannot be expanded to {tuple(shape)}"
        )
    new = copy.copy(distribution)
    new._batch_shape = shape
    return new


def _expand(value: Any, shape: torch.Size, rank: int) -> Any:
    if isinstance(value, Tensor):
        return value.expand(shape + value.shape[rank:])
    if isinstance(value, td.Distribution):
        return value.expand(shape + value.batch_shape[rank:])
    if isinstance(value, tuple) and not isinstance(value, torch.Size):
        parts = (_expand(v, shape, rank) for v in value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value
