"""Transforms between matrices and their Cholesky factors."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints
from pyro.distributions.transforms.softplus import softplus_inverse


class SoftplusLowerCholeskyTransform(tt.Transform):
    r"""Real matrices to lower Cholesky factors: softplus on the diagonal, zero above it.

    :math:`L_{ii} = \log(1 + e^{x_{ii}})`, :math:`L_{ij} = x_{ij}` below.  Not injective: the upper
    triangle is dropped, so there is no density to transform and no log-determinant (Pinheiro and
    Bates 1996, *Unconstrained parametrizations for variance-covariance matrices*).

    Example::

        >>> SoftplusLowerCholeskyTransform()(torch.zeros(2, 2))
        tensor([[0.6931, 0.0000],
                [0.0000, 0.6931]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.softplus_lower_cholesky

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SoftplusLowerCholeskyTransform)

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + F.softplus(x.diagonal(dim1=-2, dim2=-1)).diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + softplus_inverse(y.diagonal(dim1=-2, dim2=-1)).diag_embed()


class UnitLowerCholeskyTransform(tt.Transform):
    """Real matrices to lower triangular ones with unit diagonal; the rest is dropped.

    :math:`L_{ii} = 1`, :math:`L_{ij} = x_{ij}` below: the factor of :math:`L D L'`.  Not injective,
    so there is no density to transform and no log-determinant (Golub and Van Loan 2013, *Matrix
    Computations*, section 4.1.2).

    Example::

        >>> UnitLowerCholeskyTransform()(torch.full((2, 2), 3.0))
        tensor([[1., 0.],
                [3., 1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.unit_lower_cholesky

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnitLowerCholeskyTransform)

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1)


class _Factorisation(tt.Transform):
    """A positive definite matrix to its Cholesky factor."""

    bijective = True

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def _call(self, x: Tensor) -> Tensor:
        return torch.linalg.cholesky(x)  # type: ignore[no-any-return]

    def _inverse(self, y: Tensor) -> Tensor:
        return y @ y.mT


class CholeskyTransform(_Factorisation):
    r"""Positive definite :math:`X` to its Cholesky factor :math:`L`, :math:`X = L L^\top`.

    :math:`\log|\det \partial X/\partial L| = n\log 2 + \sum_i (n - i + 1) \log L_{ii}` with
    :math:`i` from 1 (Mathai 1997, *Jacobians of matrix transformations*, theorem 2.2), as a map of
    the :math:`n(n+1)/2` free entries.  The inverse multiplies.

    Example::

        >>> t = CholeskyTransform()
        >>> lower = t(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
        >>> lower
        tensor([[2., 0.],
                [1., 2.]])
        >>> t.inv(lower)
        tensor([[4., 2.],
                [2., 5.]])
    """

    domain = constraints.positive_definite
    codomain = constraints.lower_cholesky

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Shape ``batch_shape``."""
        n = y.shape[-1]
        return _weighted_log_diagonal(y, n) - n * math.log(2)


class CorrMatrixCholeskyTransform(_Factorisation):
    r"""Correlation matrices to their Cholesky factors.

    The rows of :math:`L` have unit length, so
    :math:`\log|\det \partial X/\partial L| = \sum_{i \ge 2} (n - i) \log L_{ii}` as a map of the
    :math:`n(n-1)/2` entries below the diagonals (with :math:`i` from 1; Lewandowski, Kurowicka and
    Joe 2009, *Generating random correlation matrices*, section 3).  The inverse multiplies.

    Example::

        >>> CorrMatrixCholeskyTransform()(torch.tensor([[1.0, 0.6], [0.6, 1.0]]))
        tensor([[1.0000, 0.0000],
                [0.6000, 0.8000]])
    """

    domain = constraints.corr_matrix
    codomain = constraints.corr_cholesky

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Shape ``batch_shape``."""
        return _weighted_log_diagonal(y, y.shape[-1] - 1)


class CorrLCholeskyTransform(tt.CorrCholeskyTransform):
    r"""Real vectors of length :math:`n(n-1)/2` to Cholesky factors of correlation matrices.

    :math:`L_{ij} = \tanh(x_{ij}) \sqrt{1 - \sum_{k<j} L_{ik}^2}` below the diagonal; the inverse
    and the log-determinant are those of stick breaking, row by row (Stan Development Team 2024,
    *Stan Reference Manual*, Cholesky factors of correlation matrices).

    Example::

        >>> CorrLCholeskyTransform()(torch.zeros(3))  # no correlation
        tensor([[1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.]])
    """

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, tt.CorrCholeskyTransform)


def _weighted_log_diagonal(y: Tensor, first: int) -> Tensor:
    """Minus the sum of the logarithms, with weights that start at ``first`` and go down by one."""
    log_diagonal = y.diagonal(dim1=-2, dim2=-1).log()
    order = torch.arange(first, first - y.shape[-1], -1, dtype=y.dtype, device=y.device)
    return -(order * log_diagonal).sum(-1)
