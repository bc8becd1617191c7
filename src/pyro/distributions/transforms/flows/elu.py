"""The exponential linear unit as a transform."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints


class ELUTransform(tt.Transform):
    r""":math:`y = x` for :math:`x > 0`, else :math:`e^x - 1`; onto :math:`(-1, \infty)`.

    The inverse is :math:`\log(1 + y)` below zero, :math:`\log|\det J| = \min(x, 0)` (Clevert et al.
    2016, *Fast and accurate deep network learning by exponential linear units*).

    Example::

        >>> ELUTransform()(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """

    domain = constraints.real
    codomain = constraints.greater_than(-1.0)
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ELUTransform)

    def _call(self, x: Tensor) -> Tensor:
        return F.elu(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.clamp(min=0) + torch.log1p(y.clamp(max=0))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Of the shape of ``x``."""
        return x.clamp(max=0)


def elu() -> ELUTransform:
    """An :class:`ELUTransform`."""
    return ELUTransform()
