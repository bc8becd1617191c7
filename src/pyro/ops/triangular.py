"""Linear algebra with triangular factors."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.ops.shapes import broadcast_shape


def solve_lower(tril: Tensor, value: Tensor) -> Tensor:
    r""":math:`L^{-1} x` for vectors :math:`x` along the last dimension.

    Vectors that share a factor are solved as the columns of one system.

    :param tril: :math:`L`, of shape ``(..., n, n)``, lower triangular.
    :param value: :math:`x`, of shape ``(..., n)``; what stands left broadcasts.

    Example::

        >>> solve_lower(torch.tensor([[2.0, 0.0], [1.0, 4.0]]), torch.ones(3, 2))
        tensor([[0.5000, 0.1250],
                [0.5000, 0.1250],
                [0.5000, 0.1250]])
    """
    batch, n = tril.shape[:-2], tril.shape[-1]
    shape = broadcast_shape(value.shape[:-1], batch) + (n,)
    value = value.expand(shape)
    if shape[len(shape) - 1 - len(batch) : -1] != batch:
        columns = value.unsqueeze(-1)
        return torch.linalg.solve_triangular(tril, columns, upper=False).squeeze(-1)  # type: ignore[no-any-return]
    rows = value.reshape((-1,) + batch + (n,))
    solved = torch.linalg.solve_triangular(tril, rows.movedim(0, -1), upper=False)
    return solved.movedim(-1, 0).reshape(shape)  # type: ignore[no-any-return]


def log_diagonal(tril: Tensor) -> Tensor:
    """The sum of the logarithms of the diagonal: the log determinant, of shape ``(...)``."""
    return tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def matvec(matrix: Tensor, vector: Tensor) -> Tensor:
    """Matrix times vector, both in batches that broadcast; one product where the matrix has none.

    Example::

        >>> matvec(torch.tensor([[2.0, 0.0], [1.0, 4.0]]), torch.ones(3, 2))
        tensor([[2., 5.],
                [2., 5.],
                [2., 5.]])
    """
    if matrix.dim() == 2:
        return vector @ matrix.mT
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)
