"""The Haar wavelet transform."""

from __future__ import annotations

from torch import Tensor

from pyro.distributions.transforms.along_dim import OrthogonalAlongDim
from pyro.ops.haar import haar_transform, inverse_haar_transform


class HaarTransform(OrthogonalAlongDim):
    r"""The orthonormal discrete Haar transform along one dimension; the log-determinant is zero.

    As a reparameterisation of a time series it lets a few coefficients say what happens over long
    stretches: at each level :math:`(a, b)` becomes :math:`((a + b) / \sqrt 2,\ (a - b) / \sqrt 2)`.
    The inverse is the transpose (Mallat 2009, *A wavelet tour of signal processing*, section 7.2).

    :param dim: The dimension transformed, negative; it and those to its right are the event.
    :param flip: Whether time is reversed first, so that with an odd length it is the first entry
        that has no partner.
    :raises ValueError: if ``dim`` is not negative.

    Example::

        >>> HaarTransform()(torch.tensor([1.0, 1.0, 3.0, 3.0])).round(decimals=4)
        tensor([ 4., -2.,  0.,  0.])
    """

    def __init__(self, dim: int = -1, flip: bool = False, cache_size: int = 0) -> None:
        super().__init__(dim, cache_size)
        self.flip = flip

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, HaarTransform) and self.dim == other.dim and self.flip == other.flip
        )

    def _call(self, x: Tensor) -> Tensor:
        x = x.transpose(self.dim, -1)
        return haar_transform(x.flip(-1) if self.flip else x).transpose(self.dim, -1)

    def _inverse(self, y: Tensor) -> Tensor:
        x = inverse_haar_transform(y.transpose(self.dim, -1))
        return (x.flip(-1) if self.flip else x).transpose(self.dim, -1)
