"""The orthonormal discrete Haar wavelet transform, for any length."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_HALF = math.sqrt(0.5)


def haar_transform(x: Tensor) -> Tensor:
    """Haar wavelet coefficients along the last dimension, coarse before fine, in linear time.

    At each level neighbours are replaced by their scaled sum and difference; an odd entry at the
    end is kept as a detail.

    Example::

        >>> from pyro.ops.haar import haar_transform, inverse_haar_transform
        >>> haar_transform(torch.tensor([1.0, 1.0, 3.0, 3.0])).round(decimals=4)
        tensor([ 4., -2.,  0.,  0.])
    """
    details: list[Tensor] = []
    while x.shape[-1] > 1:
        pairs = x.shape[-1] // 2 * 2
        even, odd, rest = x[..., 0:pairs:2], x[..., 1:pairs:2], x[..., pairs:]
        details[:0] = [(even - odd) * _HALF, rest]
        x = (even + odd) * _HALF
    return torch.cat([x, *details], -1)


def inverse_haar_transform(x: Tensor) -> Tensor:
    """The inverse of :func:`haar_transform`, which is its transpose.

    Example::

        >>> inverse_haar_transform(torch.tensor([4.0, -2.0, 0.0, 0.0])).round(decimals=4)
        tensor([1., 1., 3., 3.])
    """
    sizes = [x.shape[-1]]
    while sizes[-1] > 1:
        sizes.append(sizes[-1] // 2)
    coarse = x[..., : sizes[-1]]
    for half, size in zip(sizes[:0:-1], sizes[-2::-1], strict=True):
        detail, rest = x[..., half : 2 * half], x[..., 2 * half : size]
        pairs = torch.stack([coarse + detail, coarse - detail], -1).flatten(-2) * _HALF
        coarse = torch.cat([pairs, rest], -1)
    return coarse
