"""Small helpers of inference algorithms that tensors and Python numbers share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from pyro.infer.frame_sums import MultiFrameTensor
from pyro.infer.validation import enable_validation, is_validation_enabled, validation_enabled


def torch_item(x: Tensor | float) -> float:
    """The Python number in a one-element tensor; a number is returned as it is."""
    return x.item() if isinstance(x, Tensor) else x


def torch_backward(x: Any, retain_graph: bool | None = None) -> None:
    """Accumulate the gradients of ``x``, if it has any."""
    if getattr(x, "requires_grad", False):
        x.backward(retain_graph=retain_graph)


def torch_exp(x: Any) -> Any:
    """The exponential of a tensor or a number."""
    return torch.exp(x) if isinstance(x, Tensor) else math.exp(x)


def torch_sum(tensor: Any, dims: Iterable[int]) -> Any:
    """Sum over ``dims``; no dims leave everything as it is."""
    dims = tuple(dims)
    return tensor.sum(dims) if dims else tensor


def zero_grads(tensors: Iterable[Tensor]) -> None:
    """Forget the gradients of leaf tensors (they become None)."""
    for tensor in tensors:
        tensor.grad = None


__all__ = [
    "MultiFrameTensor",
    "enable_validation",
    "is_validation_enabled",
    "torch_backward",
    "torch_exp",
    "torch_item",
    "torch_sum",
    "validation_enabled",
    "zero_grads",
]
