"""The discrete cosine transform."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.distributions.transforms.along_dim import OrthogonalAlongDim
from pyro.ops.dct import dct, idct


class DiscreteCosineTransform(OrthogonalAlongDim):
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

    def __init__(self, dim: int = -1, smooth: float = 0.0, cache_size: int = 0) -> None:
        super().__init__(dim, cache_size)
        self.smooth = float(smooth)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DiscreteCosineTransform)
            and self.dim == other.dim
            and self.smooth == other.smooth
        )

    def _weight(self, y: Tensor) -> Tensor:
        size = y.shape[self.dim]
        log = torch.arange(0.5, size, dtype=y.dtype, device=y.device).log()
        return ((log - log.mean()) * self.smooth).exp().reshape((-1,) + (1,) * (-1 - self.dim))

    def _call(self, x: Tensor) -> Tensor:
        y = dct(x, self.dim)
        return y * self._weight(y) if self.smooth else y

    def _inverse(self, y: Tensor) -> Tensor:
        return idct(y / self._weight(y) if self.smooth else y, self.dim)
