"""Directions: unit vectors, and angles reduced to one turn."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TURN = 2 * math.pi


def unit_vector(x: Tensor) -> Tensor:
    r""":math:`x / |x|` along the last dimension, and the first axis where :math:`x = 0`.

    No square over- or underflows.

    Example::

        >>> unit_vector(torch.tensor([[3e30, 4e30], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [1.0000, 0.0000]])
    """
    largest = x.detach().abs().amax(-1, keepdim=True)
    scaled = x / torch.where(largest > 0, largest, 1)
    axis = torch.zeros_like(scaled[..., :1]) + (largest == 0)
    scaled = torch.cat([scaled[..., :1] + axis, scaled[..., 1:]], -1)
    result: Tensor = scaled / torch.linalg.vector_norm(scaled, dim=-1, keepdim=True)
    return result


def wrap_angle(x: Tensor) -> Tensor:
    r"""The angle in :math:`[-\pi, \pi)` that differs from ``x`` by whole turns.

    What already lies there keeps all its digits, and a large one is reduced in double precision.

    Example::

        >>> wrap_angle(torch.tensor([1e-12, 4.0, -1e6]))
        tensor([ 1.0000e-12, -2.2832e+00,  3.5756e-01])
    """
    wide = x.double()
    return (wide - _TURN * ((wide + math.pi) / _TURN).floor()).to(x.dtype)
