"""The density of Fisher's law on the sphere, without cancellation for any concentration."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

_LEVELS = (11.0, 9.0, 7.0, 5.0, 3.0)


def mean_ratio(square: Tensor) -> Tensor:
    r""":math:`(\coth\kappa - 1/\kappa)/\kappa` at :math:`\kappa^2`, smooth at 0.

    For :math:`\kappa < 1/2` by Gauss's continued fraction for :math:`I_{3/2}/I_{1/2}` (DLMF 10.33).

    Example::

        >>> mean_ratio(torch.tensor([0.0, 1.0, 1e12]))
        tensor([3.3333e-01, 3.1304e-01, 1.0000e-06])
    """
    small = square < 0.25
    near = torch.where(small, square, 0)
    fraction = near / 15 + 13
    for level in _LEVELS:
        fraction = near / fraction + level
    kappa = torch.where(small, 1, square).sqrt()
    coth = 1 + 2 / torch.expm1(2 * kappa)
    return torch.where(small, 1 / fraction, (coth - 1 / kappa) / kappa)


def log_fisher_density(c: Tensor, x: Tensor) -> Tensor:
    r""":math:`c^\top x + \log(\kappa / (4\pi \sinh\kappa))` with :math:`\kappa = |c|`, for unit x.

    The gradient in c is :math:`x - (\coth\kappa - 1/\kappa)\, c/\kappa`, and differentiable again.

    Example::

        >>> pole = torch.tensor([0.0, 0.0, 1.0])
        >>> log_fisher_density(1e6 * pole, torch.stack([pole, -pole]))
        tensor([ 1.1978e+01, -2.0000e+06])
    """
    result: Tensor = _LogFisherDensity.apply(c, x)  # type: ignore[no-untyped-call]
    return result


class _LogFisherDensity(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(c: Tensor, x: Tensor) -> Tensor:
        kappa = _square_length(c).sqrt_().clamp_(min=torch.finfo(c.dtype).tiny)
        chord = _square_length(x - c / kappa.unsqueeze(-1))
        log_scale = torch.expm1(-2 * kappa).div_(kappa).mul_(-2 * math.pi).log_()
        return chord.mul_(kappa).mul_(-0.5).sub_(log_scale)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        c, x = ctx.saved_tensors
        gradient = gradient.unsqueeze(-1)
        of_c = of_x = None
        if ctx.needs_input_grad[0]:
            ratio = mean_ratio(_square_length(c)).unsqueeze(-1)
            of_c = (gradient * torch.addcmul(x, c, ratio, value=-1)).sum_to_size(c.shape)
        if ctx.needs_input_grad[1]:
            of_x = (gradient * c).sum_to_size(x.shape)
        return of_c, of_x


def _square_length(x: Tensor) -> Tensor:
    """Of vectors of three entries, which is faster than their sum."""
    first, second, third = x.square().unbind(-1)
    return first + second + third
