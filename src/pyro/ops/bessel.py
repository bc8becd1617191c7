r"""Modified Bessel functions :math:`I_\nu(x)`, differentiable in order and argument."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LOG_2PI = math.log(2 * math.pi)
_TERMS = 56

# Olver's polynomials u_k, over powers of p^2, each divided by its common denominator.
_DEBYE: tuple[tuple[float, tuple[float, ...]], ...] = (
    (24.0, (3.0, -5.0)),
    (1152.0, (81.0, -462.0, 385.0)),
    (414720.0, (30375.0, -369603.0, 765765.0, -425425.0)),
    (39813120.0, (4465125.0, -94121676.0, 349922430.0, -446185740.0, 185910725.0)),
    (
        6688604160.0,
        (
            1519035525.0,
            -49286948607.0,
            284499769554.0,
            -614135872350.0,
            566098157625.0,
            -188699385875.0,
        ),
    ),
)


def log_small_bessel(order: Tensor, w: Tensor) -> Tensor:
    r""":math:`\log \sum_j \frac{w^j}{j!\,\Gamma(\nu + j + 1)}`, for ``0 <= w <= 225``.

    That is the logarithm of :math:`I_\nu(2\sqrt w) / w^{\nu/2}`; see Abramowitz and Stegun, 9.6.10.
    All terms are positive, so that their nested sum loses no digits.
    """
    total = torch.ones_like(order * w)
    for j in range(_TERMS, 0, -1):
        total = 1 + total * w / (j * (order + j))
    return total.log() - (order + 1).lgamma()


def log_scaled_bessel(order: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log (e^{-x} I_\nu(x))`, for ``x >= 30`` and any order.

    Debye's expansion, which is uniform in the order (Abramowitz and Stegun, 9.7.7), to a relative
    error of 1e-9.

    Example::

        >>> log_scaled_bessel(torch.tensor(0.0), torch.tensor(50.0)).exp()
        tensor(0.0566)
    """
    r = torch.hypot(order, x)
    p2 = (order / r).square()
    total = torch.zeros_like(r)
    for denominator, coefficients in reversed(_DEBYE):
        polynomial = torch.zeros_like(p2)
        for c in reversed(coefficients):
            polynomial = polynomial * p2 + c / denominator
        total = (total + polynomial) / r
    exponent = order * order / (r + x) - order * torch.asinh(order / x)
    return exponent - 0.5 * (_LOG_2PI + r.log()) + total.log1p()
