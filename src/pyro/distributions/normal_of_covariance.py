r"""The density of normal vectors by their covariance, with a gradient that costs one inverse.

The gradient through a factorisation needs three triangular systems with a matrix on the right. That
of the density has a closed form: with :math:`\alpha = K^{-1} x`, it is
:math:`\frac12 (\alpha \alpha^\top - K^{-1})`.  See Rasmussen and Williams (2006), *Gaussian
Processes for Machine Learning*, section 5.4.1.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad


def log_density(covariance: Tensor, factor: Tensor, x: Tensor) -> Tensor:
    """The log density at ``x`` of normal vectors with mean zero.

    :param covariance: The covariance, of shape ``(n, n)``; gradients flow to it.
    :param factor: Its lower Cholesky factor, to which no gradients flow.
    :param x: Of shape ``(..., n)``.
    :return: Of shape ``(...)``.

    Only where :func:`is_plain`: its derivatives are those of reverse mode, of any order.

    Example::

        >>> from pyro.distributions.normal_of_covariance import log_density
        >>> covariance = torch.tensor([[4.0, 0.0], [0.0, 1.0]], requires_grad=True)
        >>> factor = torch.linalg.cholesky(covariance)
        >>> log_density(covariance, factor, torch.tensor([2.0, 1.0])).backward()
        >>> covariance.grad
        tensor([[0.0000, 0.2500],
                [0.2500, 0.0000]])
    """
    rows = x.reshape(-1, x.shape[-1])
    value: Tensor = _LogDensity.apply(covariance, factor.detach(), rows)  # type: ignore[no-untyped-call]
    return value.reshape(x.shape[:-1])


class _LogDensity(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, covariance: Tensor, factor: Tensor, rows: Tensor) -> Tensor:
        half = torch.linalg.solve_triangular(factor, rows.mT, upper=False)
        ctx.save_for_backward(covariance, factor, rows, half)
        scale = factor.diagonal().log().sum() + 0.5 * rows.shape[-1] * math.log(2 * math.pi)
        value: Tensor = -0.5 * half.square().sum(0) - scale
        return value

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, Tensor]:
        (slope,) = slopes
        covariance, factor, rows, half = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody will differentiate what is computed here
            factor = torch.linalg.cholesky(covariance)
            half = torch.linalg.solve_triangular(factor, rows.mT, upper=False)
        pull = torch.linalg.solve_triangular(factor.mT, half, upper=True)
        scaled = pull * slope
        inverse = torch.cholesky_inverse(factor)
        return 0.5 * (scaled @ pull.mT - slope.sum() * inverse), None, -scaled.mT


def is_plain() -> bool:
    """Whether gradients, if any, are those of reverse mode, outside of ``torch.func``."""
    return forward_ad._current_level < 0 and torch._C._functorch.peek_interpreter_stack() is None
