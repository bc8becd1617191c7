"""The exponential of a matrix, applied to a vector."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyro.ops.extent import extent

_LARGEST = 8.0  # a norm, beyond which the exponential itself is cheaper


def expm_action(matrix: Tensor, x: Tensor) -> Tensor:
    r""":math:`e^A x` for matrices ``(..., n, n)`` and vectors ``(..., n)``, to rounding error.

    One matrix for all vectors is exponentiated.  Where each vector has a matrix of its own, the
    Taylor series is applied to it, in so many steps that the norm of each is at most one (Al-Mohy
    and Higham 2011, *Computing the action of the matrix exponential*, section 3).

    Example::

        >>> expm_action(torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([1.0, 2.0]))
        tensor([3., 2.])
    """
    norm = math.inf if matrix.dim() < 3 else extent(matrix.abs().sum(-1))[1]
    if not norm <= _LARGEST:
        return _times(torch.linalg.matrix_exp(matrix), x)
    steps = max(1, math.ceil(norm))
    part, terms = matrix / steps, _terms(norm / steps, torch.finfo(matrix.dtype).eps)
    for _ in range(steps):
        term = x
        for n in range(1, terms + 1):
            term = _times(part, term) / n
            x = x + term
    return x


def _times(matrix: Tensor, x: Tensor) -> Tensor:
    product: Tensor = matrix @ x.unsqueeze(-1)
    return product.squeeze(-1)


def _terms(norm: float, eps: float) -> int:
    """How many terms of the exponential series matter."""
    n, term = 0, 1.0
    while term > eps / 8:
        n += 1
        term *= norm / n
    return max(1, n - 1)
