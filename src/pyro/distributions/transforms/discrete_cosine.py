"""The discrete cosine transform."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints
from pyro.ops.dct import dct, idct


class DiscreteCosineTransform(tt.Transform):
    r"""The orthonormal type-II DCT along one dimension; the log-determinant is zero.

    :math:`y_k = c_k \sum_j x_j \cos\left(\pi (j + \tfrac12) k / n\right)` with :math:`c_0 =
    \sqrt{1/n}`, else :math:`c_k = \sqrt{2/n}`.

    As a reparameterisation of a smooth time series it makes the frequencies nearly independent.
    The inverse is the transpose (Ahmed, Natarajan and Rao 1974, *Discrete cosine transform*).

    :param dim: The dimension transformed, negative; it and those to its right are the event.
    :param smooth: Frequency :math:`k` is scaled by :math:`(k + \tfrac12)^s`, relative to the
        geometric mean of the frequencies. With 0 white noise becomes white noise, with 1 Brownian
        motion does, with -1 violet noise.
    :raises ValueError: if ``dim`` is not negative.

    Example::

        >>> DiscreteCosineTransform()(torch.ones(4))
        tensor([2., 0., 0., 0.])
    """

    bijective = True

    def __init__(self, dim: int = -1, smooth: float = 0.0, cache_size: int = 0) -> None:
        if dim >= 0:
            raise ValueError(f"dim must be negative, got {dim}")
        super().__init__(cache_size=cache_size)
        self.dim = dim
        self.smooth = float(smooth)

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        """Real tensors with ``-dim`` dimensions."""
        return constraints.independent(constraints.real, -self.dim)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:
        """Real tensors with ``-dim`` dimensions."""
        return constraints.independent(constraints.real, -self.dim)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DiscreteCosineTransform)
            and self.dim == other.dim
            and self.smooth == other.smooth
        )

    def with_cache(self, cache_size: int = 1) -> DiscreteCosineTransform:
        """The same transform with another cache size."""
        if self._cache_size == cache_size:
            return self
        return DiscreteCosineTransform(self.dim, self.smooth, cache_size)

    def _weight(self, y: Tensor) -> Tensor:
        size = y.shape[self.dim]
        log = torch.arange(0.5, size, dtype=y.dtype, device=y.device).log()
        return ((log - log.mean()) * self.smooth).exp().reshape((-1,) + (1,) * (-1 - self.dim))

    def _call(self, x: Tensor) -> Tensor:
        y = dct(x, self.dim)
        return y * self._weight(y) if self.smooth else y

    def _inverse(self, y: Tensor) -> Tensor:
        return idct(y / self._weight(y) if self.smooth else y, self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Zeros of shape ``batch_shape``."""
        return x.new_zeros(x.shape[: self.dim])
