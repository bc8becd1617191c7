r"""Modified Bessel functions of circular laws, accurate for any concentration."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LARGE = 200.0
_LOG_2PI = math.log(2 * math.pi)


def log_bessel_i0e(x: Tensor) -> Tensor:
    r""":math:`\log(e^{-x} I_0(x))` for :math:`x \ge 0`; its gradient keeps its digits.

    Beyond 200 by the asymptotic series DLMF 10.40.1.

    Example::

        >>> x = torch.tensor([1.0, 1e8], requires_grad=True)
        >>> log_bessel_i0e(x).sum().backward()
        >>> x.grad
        tensor([-5.5361e-01, -5.0000e-09])
    """
    large = x > _LARGE
    if not large.any():
        i0e: Tensor = torch.special.i0e(x)
        return i0e.log()
    near, far = torch.where(large, 1.0, x), torch.where(large, x, _LARGE)
    y = 1 / (8 * far)
    series = torch.log1p(y * (1 + y * (9 / 2 + y * (225 / 6))))
    small: Tensor = torch.special.i0e(near).log()
    return torch.where(large, series - (far.log() + _LOG_2PI) / 2, small)


def bessel_complement(x: Tensor) -> Tensor:
    r""":math:`1 - I_1(x)/I_0(x)` for :math:`x \ge 0`.

    Example::

        >>> bessel_complement(torch.tensor([0.0, 1e8]))
        tensor([1.0000e+00, 5.0000e-09])
    """
    large = x > _LARGE
    near, far = torch.where(large, 1.0, x), torch.where(large, x, _LARGE)
    y = 1 / (2 * far)
    ratio: Tensor = torch.special.i1e(near) / torch.special.i0e(near)
    return torch.where(large, y * (1 + y * (1 / 2 + y)), 1 - ratio)
