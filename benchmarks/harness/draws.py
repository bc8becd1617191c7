"""Random parameters and values for tables of cases; the same in both libraries by torch's seed.

All but the values of discrete laws require gradients, as parameters of a model do.
"""

from __future__ import annotations

import torch
from torch import Tensor


def real(*shape: int) -> Tensor:
    """Normal numbers."""
    return torch.randn(shape).requires_grad_()


def between(low: float, high: float, *shape: int) -> Tensor:
    """Uniform numbers."""
    return torch.empty(shape).uniform_(low, high).requires_grad_()


def positive(*shape: int) -> Tensor:
    """Numbers from 0.5 to 2.5."""
    return between(0.5, 2.5, *shape)


def unit(*shape: int) -> Tensor:
    """Numbers from 0.1 to 0.9."""
    return between(0.1, 0.9, *shape)


def simplex(*shape: int) -> Tensor:
    """Vectors of positive numbers with sum 1."""
    return torch.randn(shape).softmax(-1).requires_grad_()


def increasing(*shape: int) -> Tensor:
    """Vectors of increasing numbers around 0."""
    return (torch.rand(shape).cumsum(-1) - shape[-1] / 4).requires_grad_()


def direction(*shape: int) -> Tensor:
    """Vectors of length 1."""
    return torch.nn.functional.normalize(torch.randn(shape), dim=-1).requires_grad_()


def tril(*shape: int) -> Tensor:
    """Lower triangular matrices with a positive diagonal."""
    below = torch.randn(shape).tril(-1) / shape[-1]
    return (below + torch.empty(shape[:-1]).uniform_(0.5, 1.5).diag_embed()).requires_grad_()


def positive_definite(*shape: int) -> Tensor:
    """Symmetric positive definite matrices."""
    factor = tril(*shape).detach()
    return (factor @ factor.mT).requires_grad_()


def correlation_tril(*shape: int) -> Tensor:
    """Cholesky factors of correlation matrices."""
    return torch.nn.functional.normalize(tril(*shape).detach(), dim=-1).requires_grad_()


def correlation(*shape: int) -> Tensor:
    """Correlation matrices."""
    factor = correlation_tril(*shape).detach()
    return (factor @ factor.mT).requires_grad_()


def counts(*shape: int, high: int = 9) -> Tensor:
    """Whole numbers from 0 to ``high``, as floating point numbers without gradients."""
    return torch.randint(high + 1, shape).float()
