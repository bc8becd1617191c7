"""The softplus function as a transform."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints


class SoftplusTransform(tt.SoftplusTransform):
    r""":math:`y = \log(1 + e^x)` from the reals to the positive numbers.

    :math:`\log|\det J| = \log \sigma(x)`, and the inverse is :math:`\log(e^y - 1)`, both without
    overflow (Dugas et al. 2001, *Incorporating second-order functional knowledge for better option
    pricing*).

    Example::

        >>> t = SoftplusTransform()
        >>> t(torch.tensor([-100.0, 0.0, 100.0]))
        tensor([3.7835e-44, 6.9315e-01, 1.0000e+02])
        >>> round(t.inv(torch.tensor(1e-30)).item(), 2)  # log(1e-30)
        -69.08
    """

    codomain = constraints.softplus_positive

    def _inverse(self, y: Tensor) -> Tensor:
        return softplus_inverse(y)


def softplus_inverse(y: Tensor) -> Tensor:
    r""":math:`\log(e^y - 1)`, exact for tiny and for large :math:`y`."""
    return y + torch.log(-torch.expm1(-y))
