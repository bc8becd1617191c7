"""A differentiable function of one point, evaluated at many by running it for each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

ScalarFunction = Callable[[Tensor], Tensor]


def value(fn: ScalarFunction, x: Tensor) -> Tensor:
    """``fn`` at points of shape ``batch + (dim,)``."""
    with torch.no_grad():
        if x.dim() == 1:
            return fn(x)
        rows = [fn(row) for row in x.reshape(-1, x.shape[-1])]
        return torch.stack(rows).reshape(x.shape[:-1])


def value_and_grad(fn: ScalarFunction, x: Tensor) -> tuple[Tensor, Tensor]:
    """``fn`` and its gradient at points of shape ``batch + (dim,)``."""
    if x.dim() == 1:
        return _value_and_grad(fn, x)
    pairs = [_value_and_grad(fn, row) for row in x.reshape(-1, x.shape[-1])]
    values = torch.stack([one for one, _ in pairs]).reshape(x.shape[:-1])
    return values, torch.stack([grad for _, grad in pairs]).reshape(x.shape)


def _value_and_grad(fn: ScalarFunction, x: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        result = fn(leaf)
        if not result.requires_grad:  # no coordinates, or a constant
            return result.detach(), torch.zeros_like(x)
        (grad,) = torch.autograd.grad(result, leaf, allow_unused=True)
    return result.detach(), torch.zeros_like(x) if grad is None else grad
