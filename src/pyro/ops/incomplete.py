"""Logarithms of the regularised incomplete gamma and beta functions and of their complements.

Everything is computed in double precision and returned in the dtype of the arguments.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.ops.tail_functions import log1mexp

_FAR = 1e-30
_TINY = 1e-300
_MAX_TERMS = 4000


def log_incomplete_gamma(a: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\log P(a, x)` and :math:`\log Q(a, x) = \log(1 - P(a, x))`, for positive arguments.

    Where the value itself would underflow, the lower function is summed as a series and the upper
    one is a continued fraction (DLMF 8.11.4 and 8.9.2).  Gradients, of the first order, reach both
    arguments.

    Example::

        >>> log_incomplete_gamma(torch.tensor(2.0), torch.tensor(1000.0))[1]
        tensor(-993.0912)
    """
    dtype = torch.promote_types(a.dtype, x.dtype)
    a, x = torch.broadcast_tensors(a.double(), x.double())
    shape, point = a.detach().contiguous(), x.detach().contiguous()
    lower, upper = torch.special.gammainc(shape, point), torch.special.gammaincc(shape, point)
    front = torch.xlogy(shape, point) - point - shape.lgamma()
    log_p, log_q = lower.log(), upper.log()
    if (far := lower < _FAR).any():
        log_p = torch.where(far, front - shape.log() + _gamma_series(shape, point, far), log_p)
    if (far := upper < _FAR).any():
        log_q = torch.where(far, front + _gamma_fraction(shape, point, far), log_q)
    if not (a.requires_grad or x.requires_grad):
        return log_p.to(dtype), log_q.to(dtype)
    moved = (x - point) - (a - shape) * torch._standard_gamma_grad(shape, point)
    log_density = front - point.log()
    log_p = log_p + moved * (log_density - log_p).exp()
    return log_p.to(dtype), (log_q - moved * (log_density - log_q).exp()).to(dtype)


def _gamma_series(a: Tensor, x: Tensor, where: Tensor) -> Tensor:
    """The logarithm of the sum of x^n / ((a+1)...(a+n)), as far as ``where`` needs it."""
    term = total = torch.ones_like(x)
    for n in range(1, _MAX_TERMS):
        term = term * x / (a + n)
        total = total + term
        if not (n % 16 or ((term > 1e-17 * total) & where).any()):
            break
    return total.log()


def _gamma_fraction(a: Tensor, x: Tensor, where: Tensor) -> Tensor:
    """The logarithm of the fraction 1/(x+1-a - 1(1-a)/(x+3-a - 2(2-a)/(x+5-a - ...)))."""
    b = x + 1 - a
    c = torch.full_like(x, 1 / _TINY)
    d = total = 1 / torch.where(b.abs() < _TINY, _TINY, b)
    for n in range(1, _MAX_TERMS):
        coefficient = -n * (n - a)
        b = b + 2
        d, c = _lentz(coefficient, b, c, d)
        step = d * c
        total = total * step
        if not (n % 16 or (((step - 1).abs() > 1e-15) & where).any()):
            break
    return total.log()


def _lentz(coefficient: Tensor, b: Tensor | float, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the modified algorithm of Lentz."""
    d = b + coefficient * d
    c = b + coefficient / c
    d = torch.where(d.abs() < _TINY, _TINY, d)
    return 1 / d, torch.where(c.abs() < _TINY, _TINY, c)


def log_incomplete_beta(a: Tensor, b: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\log I_x(a, b)` and :math:`\log I_y(b, a)`, where :math:`y = 1 - x`.

    The two arguments are given separately so that none is the rounded complement of the other.  A
    continued fraction (DLMF 8.17.22) gives the smaller one, and that the larger.

    Example::

        >>> one = torch.tensor(1.0)
        >>> log_incomplete_beta(3 * one, one, one / 4, 3 * one / 4)  # x^3
        (tensor(-4.1589), tensor(-0.0157))
    """
    dtype = torch.result_type(a + b, x)
    a, b, x, y = torch.broadcast_tensors(a.double(), b.double(), x.double(), y.double())
    direct = x * (a + b + 2) < a + 1
    first, second = torch.where(direct, a, b), torch.where(direct, b, a)
    point, other = torch.where(direct, x, y), torch.where(direct, y, x)
    front = torch.xlogy(first, point) + torch.xlogy(second, other)
    front = front + (first + second).lgamma() - (first + 1).lgamma() - second.lgamma()
    small = (front + _beta_fraction(first, second, point).log()).clamp(max=0.0)
    large = log1mexp(small)
    log_lower = torch.where(direct, small, large)
    return log_lower.to(dtype), torch.where(direct, large, small).to(dtype)


def _beta_fraction(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    total = d = 1 / (1 - (a + b) * x / (a + 1))
    c = torch.ones_like(x)
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = _lentz(even, 1.0, c, d)
        total = total * d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = _lentz(odd, 1.0, c, d)
        step = d * c
        total = total * step
        if not (m % 8 or ((step - 1).abs() > 1e-15).any()):
            break
    return total
