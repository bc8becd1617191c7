"""The leaky rectified linear unit as a transform."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints

_SLOPE = 0.01


class LeakyReLUTransform(tt.Transform):
    r""":math:`y = x` for :math:`x \ge 0`, else :math:`x / 100`.

    The inverse is :math:`100 y` below zero, :math:`\log|\det J| = -\log 100` there and 0 above
    (Maas et al. 2013, *Rectifier nonlinearities improve neural network acoustic models*).

    Example::

        >>> LeakyReLUTransform()(torch.tensor([-1.0, 2.0]))
        tensor([-0.0100,  2.0000])
    """

    domain = constraints.real
    codomain = constraints.real
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LeakyReLUTransform)

    def _call(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, _SLOPE)

    def _inverse(self, y: Tensor) -> Tensor:
        return F.leaky_relu(y, 1 / _SLOPE)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Of the shape of ``x``."""
        return torch.zeros_like(x).masked_fill(x < 0, math.log(_SLOPE))


def leaky_relu() -> LeakyReLUTransform:
    """A :class:`LeakyReLUTransform`."""
    return LeakyReLUTransform()
