"""The documented home of small functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.ops.block_diagonal import block_diag_embed, block_diagonal
from pyro.ops.cholesky import (
    cholesky_solve,
    precision_to_scale_tril,
    safe_cholesky,
    triangular_solve,
)
from pyro.ops.convolution import convolve, next_fast_len
from pyro.ops.dct import dct, idct
from pyro.ops.haar import haar_transform, inverse_haar_transform
from pyro.ops.periodic import periodic_cumsum, periodic_features, periodic_repeat
from pyro.ops.shapes import broadcast_shape

__all__ = [
    "as_complex",
    "block_diag_embed",
    "block_diagonal",
    "broadcast_tensors_without_dim",
    "cholesky_solve",
    "convolve",
    "dct",
    "haar_transform",
    "idct",
    "inverse_haar_transform",
    "matmul",
    "matvecmul",
    "next_fast_len",
    "periodic_cumsum",
    "periodic_features",
    "periodic_repeat",
    "precision_to_scale_tril",
    "repeated_matmul",
    "safe_cholesky",
    "safe_normalize",
    "triangular_solve",
]


def as_complex(x: Tensor) -> Tensor:
    """Pairs along the last dimension as complex numbers, copied where strides demand it.

    Example::

        >>> as_complex(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([1.+2.j, 3.+4.j])
    """
    return torch.view_as_complex(x.contiguous())


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """The product of two matrices, or batches of such."""
    return x @ y


def matvecmul(x: Tensor, y: Tensor) -> Tensor:
    """The product of a matrix and a vector, or batches of such."""
    return (x @ y.unsqueeze(-1)).squeeze(-1)


def repeated_matmul(M: Tensor, n: int) -> Tensor:
    """The powers of a square matrix, from the first to the n-th, in about log2(n) products.

    :param M: Shape ``(..., k, k)``.
    :param n: The highest power, at least 1.
    :return: Shape ``(n, ..., k, k)``.

    Example::

        >>> repeated_matmul(torch.tensor([[2.0]]), 4).flatten()
        tensor([ 2.,  4.,  8., 16.])
    """
    if n < 1:
        raise ValueError(f"expected a positive power, got {n}")
    powers = M.unsqueeze(0)
    while powers.shape[0] < n:
        powers = torch.cat([powers, powers @ powers[-1]])
    return powers[:n]


def safe_normalize(x: Tensor, *, p: float = 2) -> Tensor:
    r""":math:`x / \lVert x \rVert_p`; zero goes to the first unit vector.

    :param x: Vectors along the last dimension.
    :param p: The degree of the norm.

    Example::

        >>> safe_normalize(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [1.0000, 0.0000]])
    """
    zero = (x == 0).all(-1, keepdim=True)
    first = torch.zeros_like(x)
    first[..., :1] = 1
    x = torch.where(zero, first, x)
    length: Tensor = torch.linalg.vector_norm(x, ord=p, dim=-1, keepdim=True)
    return x / length


def broadcast_tensors_without_dim(tensors: Sequence[Tensor], dim: int) -> list[Tensor]:
    """Tensors of one shape but along ``dim``, along which they may then be concatenated.

    :param dim: Counted from the right if the tensors differ in rank.
    :raises ValueError: if ``dim`` is not negative although the ranks differ.

    Example::

        >>> pair = broadcast_tensors_without_dim([torch.zeros(2, 1, 4), torch.zeros(3, 5)], -1)
        >>> [tuple(part.shape) for part in pair]
        [(2, 3, 4), (2, 3, 5)]
    """
    if dim >= 0:
        if len({part.dim() for part in tensors}) > 1:
            raise ValueError(f"tensors of different ranks: dim must be negative, got {dim}")
        dim -= tensors[0].dim()
    rank = max(part.dim() for part in tensors)
    shapes = [(1,) * (rank - part.dim()) + tuple(part.shape) for part in tensors]
    others = broadcast_shape(*(s[:dim] + (1,) + s[len(s) + dim + 1 :] for s in shapes))
    return [
        part.expand(others[:dim] + (shape[dim],) + others[rank + dim + 1 :])
        for part, shape in zip(tensors, shapes, strict=True)
    ]
