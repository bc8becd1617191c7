"""What torch does by factors with pivots, in terms of these factors.

For determinants, torch may factor the transpose of a matrix that stands in memory by rows, and the
gradient solves with that factor: whether it does is a matter of torch's version, and asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten


@functools.cache
def _turns(operation: Any, position: int) -> bool:
    """Whether the factor among the results of an operation is that of the transpose."""
    matrix = torch.tensor([[1.0, 2.0], [3.0, 4.0]])  # the rows have other pivots than the columns
    given = (matrix,) if len(operation._schema.arguments) == 1 else (matrix, matrix)
    return float(operation(*given)[position][0, 0]) != 3.0


def _factors(operation: Any, position: int, a: Tensor) -> tuple[Tensor, Tensor, bool]:
    """The factor and the pivots that an operation has, and whether they are of the transpose."""
    transposed = a.is_contiguous() and _turns(operation, position)
    factor, pivots, _ = torch.linalg.lu_factor_ex(a.mT if transposed else a)
    return factor, pivots, transposed


def _sign(pivots: Tensor) -> Tensor:
    """The determinant of the permutation."""
    order = torch.arange(1, pivots.shape[-1] + 1, dtype=pivots.dtype)
    return 1 - 2 * ((pivots != order).sum(-1) % 2)


def _det(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    factor, pivots, _ = _factors(aten._linalg_det.default, 1, a)
    return _sign(pivots) * factor.diagonal(0, -2, -1).prod(-1), factor, pivots


def _slogdet(a: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    factor, pivots, _ = _factors(aten._linalg_slogdet.default, 2, a)
    diagonal = factor.diagonal(0, -2, -1)
    sign = _sign(pivots) * diagonal.sgn().prod(-1)
    return sign, diagonal.abs().log().sum(-1), factor, pivots


def _solve(
    a: Tensor, b: Tensor, *, left: bool = True, check_errors: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    factor, pivots, transposed = _factors(aten._linalg_solve_ex.default, 1, a)
    is_vector = b.dim() == 1 or (a.dim() - 1 == b.dim() and b.shape == a.shape[:-1])
    right = b.unsqueeze(-1) if is_vector else b
    found = torch.linalg.lu_solve(factor, pivots, right, left=left, adjoint=transposed)
    info = torch.zeros(a.shape[:-2], dtype=torch.int32)
    return found.squeeze(-1) if is_vector else found, factor, pivots, info


def _inverse(a: Tensor, *, check_errors: bool = False) -> tuple[Tensor, Tensor]:
    factor, pivots, _ = torch.linalg.lu_factor_ex(a)
    one = torch.eye(a.shape[-1], dtype=a.dtype).expand(a.shape)
    found = torch.linalg.lu_solve(factor, pivots, one)
    return found, torch.zeros(a.shape[:-2], dtype=torch.int32)


DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    aten._linalg_det.default: _det,
    aten._linalg_slogdet.default: _slogdet,
    aten._linalg_solve_ex.default: _solve,
    aten.linalg_inv_ex.default: _inverse,
}
