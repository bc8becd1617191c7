"""Affine maps with a triangular matrix."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints
from pyro.ops.shapes import broadcast_shape


class LowerCholeskyAffine(tt.Transform):
    r""":math:`y = \mu + L x`, :math:`\log|\det J| = \sum_i \log L_{ii}`.

    The inverse solves a triangular system (Anderson 2003, *An introduction to multivariate
    statistical analysis*, section 2.3).

    :param loc: :math:`\mu`, of shape ``(..., n)``.
    :param scale_tril: :math:`L`, lower triangular with positive diagonal, of shape ``(..., n, n)``.

    Example::

        >>> t = LowerCholeskyAffine(torch.ones(2), torch.tensor([[2.0, 0.0], [1.0, 1.0]]))
        >>> t(torch.tensor([1.0, 1.0])), t.log_abs_det_jacobian(torch.ones(2), torch.ones(2))
        (tensor([3., 3.]), tensor(0.6931))
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, loc: Tensor, scale_tril: Tensor, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.loc = loc
        self.scale_tril = scale_tril
        self._batch = broadcast_shape(loc.shape, scale_tril.shape[:-1])

    def with_cache(self, cache_size: int = 1) -> LowerCholeskyAffine:
        """The same transform with another cache size."""
        if self._cache_size == cache_size:
            return self
        return LowerCholeskyAffine(self.loc, self.scale_tril, cache_size)

    def forward_shape(self, shape: Any) -> Any:
        """That of ``x``, broadcast with the parameters."""
        return broadcast_shape(shape, self._batch)

    def inverse_shape(self, shape: Any) -> Any:
        """That of ``y``, broadcast with the parameters."""
        return broadcast_shape(shape, self._batch)

    def _call(self, x: Tensor) -> Tensor:
        if self.scale_tril.dim() == 2:
            return self.loc + x @ self.scale_tril.mT
        return self.loc + (self.scale_tril @ x.unsqueeze(-1)).squeeze(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        centred = (y - self.loc).unsqueeze(-1)
        x: Tensor = torch.linalg.solve_triangular(self.scale_tril, centred, upper=False)
        return x.squeeze(-1)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Shape ``batch_shape``."""
        log_det = self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return log_det.expand(broadcast_shape(log_det.shape, x.shape[:-1]))
