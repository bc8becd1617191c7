"""Whether a gradient is that of the values: derivatives along random directions, by differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

DIRECTIONS = 4
STEPS = (2.0**-5, 2.0**-8, 2.0**-11)
"""Tried one after the other: a long one has small rounding errors, a short one fits curved
functions."""
WEIGHTS = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
"""Of the central differences over one to four steps; the error is of the order of step^8. See
Fornberg (1988), *Generation of finite difference formulas on arbitrarily spaced grids*, table 1."""
EVALUATIONS = 2 * len(WEIGHTS) * DIRECTIONS  # for the first step, which mostly is enough


def slopes_agree(
    value: Callable[[Tensor], Tensor], point: Tensor, gradient: Tensor, tolerance: float
) -> bool:
    r"""Whether :math:`g^\top d = \partial_t f(x + t d)` in a few random directions :math:`d`.

    An error in one coordinate is found if it is above the tolerance. Several errors cancel in all
    directions with probability zero: these have normal entries.

    :param value: :math:`f` at points of shape ``(..., dim)``, smooth near ``point``.
    :param point: :math:`x`, of shape ``(dim,)``, in double precision.
    :param gradient: :math:`g`.
    :param tolerance: relative to the largest entry of the gradient, or to one if that is smaller.
    """
    dim = point.numel()
    if not dim:
        return True
    generator = torch.Generator().manual_seed(21)
    directions = torch.randn(DIRECTIONS, dim, generator=generator, dtype=torch.float64)
    directions = directions / directions.norm(dim=-1, keepdim=True)
    expected = directions @ gradient
    allowed = tolerance * float(gradient.abs().max().clamp(min=1.0)) / math.sqrt(dim)
    for step in STEPS:
        gap = _slopes(value, point, directions, step) - expected
        if bool((gap.abs() <= allowed).all()):  # nan is not
            return True
    return False


def _slopes(
    value: Callable[[Tensor], Tensor], point: Tensor, directions: Tensor, step: float
) -> Tensor:
    """The derivatives along each of the directions."""
    weights = torch.tensor(WEIGHTS, dtype=torch.float64)
    moves = step * torch.arange(1, len(WEIGHTS) + 1, dtype=torch.float64)
    ahead, behind = (
        value(point + sign * moves[:, None] * directions[:, None, :]) for sign in (1.0, -1.0)
    )
    return (ahead - behind) @ weights / step
