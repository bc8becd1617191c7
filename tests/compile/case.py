"""A program of the tests, and numbers for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


class Case(NamedTuple):
    """A function of tensors; ``gradient``: whether it has one to compare."""

    name: str
    fn: Callable[..., object]
    inputs: tuple[Tensor, ...]
    gradient: bool = True
    tolerance: float = 1e-12


def _scattered(shape: tuple[int, ...], seed: int) -> Tensor:
    """Numbers in (0, 1) that look random, without a draw: programs may make constants of them."""
    k = torch.arange(math.prod(shape), dtype=torch.float64) + 100 * seed + 1
    return (torch.sin(12.9898 * k) * 43758.5453).frac().abs().reshape(shape)


def real(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> Tensor:
    """Uniform numbers in float64."""
    return low + (high - low) * _scattered(shape, seed)


def whole(*shape: int, high: int = 4, seed: int = 0) -> Tensor:
    """Integers below ``high``."""
    return (high * _scattered(shape, seed + 7)).to(torch.int64)


def spd(n: int, *batch: int) -> Tensor:
    """Positive definite matrices."""
    a = real(*batch, n, n)
    return a @ a.mT + 0.5 * torch.eye(n, dtype=torch.float64)


def narrow(x: Tensor) -> Tensor:
    """Real numbers as float32."""
    return x.detach().float() if x.is_floating_point() else x


def in_single(run: Callable[..., object]) -> Callable[..., object]:
    """A program of float64 that takes and returns float32."""

    def narrowed(*inputs: Tensor) -> object:
        wide = (x.double() if x.is_floating_point() else x for x in inputs)
        return pytree.tree_map(narrow, run(*wide))

    return narrowed
