"""Block diagonal matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.errors import ShapeError


def block_diag_embed(mat: Tensor) -> Tensor:
    """Blocks, written along the diagonal of a matrix that is zero elsewhere.

    :param mat: The blocks, of shape ``(..., B, M, N)``.
    :return: Shape ``(..., B * M, B * N)``.

    Example::

        >>> block_diag_embed(torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]]))
        tensor([[1., 2., 0., 0.],
                [0., 0., 3., 4.]])
    """
    count, rows, columns = mat.shape[-3:]
    at = torch.eye(count, dtype=mat.dtype, device=mat.device).reshape(count, 1, count, 1)
    return (mat.unsqueeze(-2) * at).reshape(mat.shape[:-3] + (count * rows, count * columns))


def block_diagonal(mat: Tensor, block_size: int) -> Tensor:
    """The blocks on the diagonal of a matrix.

    :param mat: Shape ``(..., B * M, B * N)``.
    :param block_size: The number of blocks B.
    :return: Shape ``(..., B, M, N)``.
    :raises ShapeError: if the matrix does not consist of so many blocks.

    Example::

        >>> block_diagonal(torch.arange(8).reshape(2, 4), 2)
        tensor([[[0, 1]],
                [[6, 7]]])
    """
    rows, columns = (size // block_size for size in mat.shape[-2:])
    if (rows * block_size, columns * block_size) != mat.shape[-2:]:
        raise ShapeError(f"a matrix {tuple(mat.shape[-2:])} has no {block_size} equal blocks")
    blocks = mat.reshape(mat.shape[:-2] + (block_size, rows, block_size, columns))
    return blocks.diagonal(dim1=-4, dim2=-2).movedim(-1, -3)
