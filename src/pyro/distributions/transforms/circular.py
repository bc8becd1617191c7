"""Angles."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints


class CircularTransform(tt.Transform):
    r"""Real numbers to angles in :math:`[-\pi, \pi)`, by winding the line around the circle.

    Not injective, so there is no density to transform and no log-determinant; its derivative is one
    everywhere and the circle has no border, which is what an optimiser needs (Mardia and Jupp 2000,
    *Directional Statistics*, section 3.5.7, wrapped distributions).

    Example::

        >>> CircularTransform()(torch.tensor([1.0, 3.0 + torch.pi]))
        tensor([ 1.0000, -0.1416])
    """

    bijective = False
    domain = constraints.real
    codomain = constraints.circular

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CircularTransform)

    def _call(self, x: Tensor) -> Tensor:
        return torch.remainder(x + math.pi, 2 * math.pi) - math.pi

    def _inverse(self, y: Tensor) -> Tensor:
        return y
