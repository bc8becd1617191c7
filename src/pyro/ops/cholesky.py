"""Cholesky factors and what is made of them, for matrices that may be nearly singular."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyro import settings

CHOLESKY_RELATIVE_JITTER = 4.0


@settings.register("cholesky_relative_jitter", __name__, "CHOLESKY_RELATIVE_JITTER")
def _nonnegative(value: Any) -> None:
    if not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError(f"expected a nonnegative number, got {value!r}")


def safe_cholesky(x: Tensor) -> Tensor:
    """The lower Cholesky factor, after a few rounding errors are added to the diagonal.

    To each diagonal entry ``cholesky_relative_jitter`` (a setting, 4) times the machine precision
    times the largest entry of its row is added; a matrix of one entry stays as it is.

    :param x: Symmetric, positive semidefinite, of shape ``(..., n, n)``.

    Example::

        >>> safe_cholesky(torch.ones(2, 2))[0]  # which is singular
        tensor([1.0000, 0.0000])
    """
    if x.shape[-1] == 1:
        return x.sqrt()
    if CHOLESKY_RELATIVE_JITTER:
        largest = x.detach().abs().amax(-1)
        jitter = largest * (CHOLESKY_RELATIVE_JITTER * torch.finfo(x.dtype).eps)
        x = x + jitter.diag_embed()
    factor: Tensor = torch.linalg.cholesky(x)
    return factor


def cholesky_solve(x: Tensor, y: Tensor) -> Tensor:
    r""":math:`(L L^\top)^{-1} X` with the lower triangular :math:`L` given as ``y``.

    Example::

        >>> cholesky_solve(torch.ones(1, 1), torch.full((1, 1), 2.0))
        tensor([[0.2500]])
    """
    if y.shape[-1] == 1:
        return x / y.square()
    return torch.cholesky_solve(x, y)


def triangular_solve(x: Tensor, y: Tensor, upper: bool = False, transpose: bool = False) -> Tensor:
    r""":math:`Y^{-1} X`, or :math:`Y^{-\top} X`, with a triangular :math:`Y`.

    :param x: :math:`X`, of shape ``(..., n, k)``.
    :param y: :math:`Y`, of shape ``(..., n, n)``.
    :param upper: Whether it is upper triangular.
    :param transpose: Whether it is transposed.

    Example::

        >>> triangular_solve(torch.ones(2, 1), torch.tensor([[2.0, 0.0], [1.0, 1.0]])).T
        tensor([[0.5000, 0.5000]])
    """
    if y.shape[-1] == 1:
        return x / y
    matrix = y.mT if transpose else y
    solution: Tensor = torch.linalg.solve_triangular(matrix, x, upper=upper is not transpose)
    return solution


def precision_to_scale_tril(precision: Tensor) -> Tensor:
    r"""The lower Cholesky factor of :math:`P^{-1}`, without inverting :math:`P`.

    The factor of :math:`P` with both orders of rows and columns reversed is, reversed again, upper
    triangular; the inverse of its transpose is the factor sought.

    Example::

        >>> precision_to_scale_tril(torch.diag(torch.tensor([4.0, 16.0])))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    upper = torch.linalg.cholesky(precision.flip((-2, -1))).flip((-2, -1))
    identity = torch.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    tril: Tensor = torch.linalg.solve_triangular(upper.mT, identity, upper=False)
    return tril
