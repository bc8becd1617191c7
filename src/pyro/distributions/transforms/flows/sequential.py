"""Solving triangular systems one variable at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def solve_in_order(
    y: Tensor, order: Iterable[int], solve: Callable[[int, Tensor, Tensor], Tensor]
) -> Tensor:
    """The ``x`` of an autoregressive map: ``solve(i, x, y_i)`` gives ``x_i`` from those before.

    :param solve: Called in ``order``, with zeros where ``x`` is not known yet.
    """
    columns = list(torch.zeros_like(y).unbind(-1))
    for i in order:
        columns[i] = solve(i, torch.stack(torch.broadcast_tensors(*columns), -1), y[..., i])
    return torch.stack(torch.broadcast_tensors(*columns), -1)
