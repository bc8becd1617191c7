"""Permutations as an operation of torch that machine code can call.

Torch shuffles ten times as fast as it sorts random numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor


def _permutation(uniform: Tensor, n: int) -> Tensor:
    generator = torch.Generator().manual_seed(int(uniform.item() * 2.0**52))
    return torch.randperm(n, generator=generator)


@functools.cache
def permutation() -> Callable[[Tensor, int], Tensor]:
    """The operation ``(uniform, n)``: a permutation that one uniform number decides about.

    >>> from pyro.compile.draws.permutation import permutation
    >>> u = torch.tensor([0.25], dtype=torch.float64)
    >>> torch.equal(permutation()(u, 5), permutation()(u, 5))
    True
    """
    _library().impl("permutation", _permutation, "CPU")
    found: Callable[[Tensor, int], Tensor] = torch.ops.pyro_native.permutation
    return found


@functools.cache
def _library() -> torch.library.Library:
    """Keeps the operation registered as long as it lives."""
    library = torch.library.Library("pyro_native", "FRAGMENT")
    library.define("permutation(Tensor uniform, int n) -> Tensor")
    return library
