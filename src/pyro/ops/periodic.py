"""Seasonal terms of time series."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def periodic_repeat(tensor: Tensor, size: int, dim: int) -> Tensor:
    """A period, repeated up to a length.

    :param tensor: One period along ``dim``.
    :param size: The length of the result along ``dim``.
    :param dim: The dimension of time, as a nonnegative or a negative number.

    Example::

        >>> periodic_repeat(torch.tensor([1, 2, 3]), 7, 0)
        tensor([1, 2, 3, 1, 2, 3, 1])
    """
    steps = torch.arange(size, device=tensor.device) % tensor.shape[dim]
    return tensor.index_select(dim, steps)


def periodic_cumsum(tensor: Tensor, period: int, dim: int) -> Tensor:
    """Sums over a step and all steps whole periods before it: seasonality that drifts.

    :param tensor: Differences.
    :param period: The length of the period.
    :param dim: The dimension of time.

    Example::

        >>> periodic_cumsum(torch.ones(5), 2, 0)
        tensor([1., 1., 2., 2., 3.])
    """
    moved = tensor.movedim(dim, 0)
    length = moved.shape[0]
    missing = -length % period
    padded = torch.cat([moved, moved.new_zeros((missing, *moved.shape[1:]))])
    sums = padded.reshape((-1, period, *moved.shape[1:])).cumsum(0)
    return sums.reshape(padded.shape)[:length].movedim(0, dim)


def periodic_features(
    duration: int,
    max_period: float | None = None,
    min_period: float | None = None,
    **options: Any,
) -> Tensor:
    r"""Covariates of seasonality: :math:`\cos(2 \pi k t / P)` and :math:`-\sin(2 \pi k t / P)`.

    :param duration: The number of time steps.
    :param max_period: The longest period P; ``duration`` by default.
    :param min_period: Frequencies are those of periods longer than this; 2, the shortest that a
        series can show, by default.
    :param options: Those of the tensor, such as ``dtype`` and ``device``.
    :return: Shape ``(duration, 2 * ceil(max_period / min_period) - 2)``: cosines, then sines.
    :raises ValueError: unless ``2 <= min_period <= max_period``.

    Example::

        >>> periodic_features(4, max_period=4, min_period=2).round(decimals=4).abs()
        tensor([[1., 0.],
                [0., 1.],
                [1., 0.],
                [0., 1.]])
    """
    longest = duration if max_period is None else max_period
    shortest = 2 if min_period is None else min_period
    if not 2 <= shortest <= longest:
        raise ValueError(
            f"expected 2 <= min_period <= max_period, got min_period={shortest}, "
            f"max_period={longest}"
        )
    time = torch.arange(float(duration), **options).unsqueeze(-1)
    order = torch.arange(1.0, math.ceil(longest / shortest), **options)
    angles = time * (order * (2 * math.pi / longest))
    return torch.cat([angles.cos(), -angles.sin()], -1)
