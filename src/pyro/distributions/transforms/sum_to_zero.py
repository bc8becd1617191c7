"""Vectors that sum to zero."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints


class SumToZeroTransform(tt.Transform):
    r"""Real vectors of length :math:`n - 1` to vectors of length :math:`n` that sum to zero.

    :math:`y = Q x` with the orthonormal columns of Helmert's matrix, in linear time; the inverse is
    :math:`Q^\top y`. Lengths and
    angles are kept, so the log-determinant, with respect to area on the hyperplane, is zero, and
    independent normal :math:`x` give exchangeable :math:`y` (Egozcue et al. 2003, *Isometric
    logratio transformations for compositional data analysis*).

    Example::

        >>> t = SumToZeroTransform()
        >>> y = t(torch.tensor([1.0, -2.0]))
        >>> y.sum().abs() < 1e-6, t.inv(y).round(decimals=4)
        (tensor(True), tensor([ 1., -2.]))
    """

    bijective = True
    domain = constraints.real_vector
    codomain = constraints.sum_to_zero

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SumToZeroTransform)

    def forward_shape(self, shape: Any) -> Any:
        """One entry more along the last dimension."""
        return torch.Size(shape[:-1]) + (shape[-1] + 1,)

    def inverse_shape(self, shape: Any) -> Any:
        """One entry less along the last dimension."""
        return torch.Size(shape[:-1]) + (shape[-1] - 1,)

    def _call(self, x: Tensor) -> Tensor:
        i, length = _helmert(x)
        w = x / length
        zero = torch.zeros_like(x[..., :1])
        after = torch.cat([w.flip(-1).cumsum(-1).flip(-1), zero], -1)
        return after - torch.cat([zero, i * w], -1)

    def _inverse(self, y: Tensor) -> Tensor:
        i, length = _helmert(y[..., 1:])
        return (y.cumsum(-1)[..., :-1] - i * y[..., 1:]) / length

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Zeros of shape ``batch_shape``."""
        return x.new_zeros(x.shape[:-1])


def _helmert(x: Tensor) -> tuple[Tensor, Tensor]:
    """1, 2, ... along the last dimension, and the length of each of Helmert's contrasts."""
    i = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    return i, (i * (i + 1)).sqrt()
