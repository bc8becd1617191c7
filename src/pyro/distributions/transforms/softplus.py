"""The softplus function as a transform."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints


class SoftplusTransform(tt.SoftplusTransform):
    r""":math:`y = \log(1 + e^x)` from the reals to the positive numbers."""

    codomain = constraints.softplus_positive

    def _inverse(self, y: Tensor) -> Tensor:
        return softplus_inverse(y)


def softplus_inverse(y: Tensor) -> Tensor:
    r""":math:`\log(e^y - 1)`, exact for tiny and for large :math:`y`."""
    return y + torch.log(-torch.expm1(-y))
