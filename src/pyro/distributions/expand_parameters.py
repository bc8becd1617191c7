"""Expansion of a distribution by expansion of what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
import torch.distributions as td
from torch import Tensor

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


def _expand(value: Any, shape: torch.Size, rank: int) -> Any:
    if isinstance(value, Tensor):
        return value.expand(shape + value.shape[rank:])
    if isinstance(value, td.Distribution):
        return value.expand(shape + value.batch_shape[rank:])
    if isinstance(value, tuple) and not isinstance(value, torch.Size):
        return tuple(_expand(v, shape, rank) for v in value)
    return value
