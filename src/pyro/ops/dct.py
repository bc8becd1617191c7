"""The orthonormal discrete cosine transform, by the fast Fourier transform."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def dct(x: Tensor, dim: int = -1) -> Tensor:
    r"""The orthonormal DCT-II, in :math:`O(n \log n)` (Makhoul 1980).

    :math:`y_k = c_k \sum_j x_j \cos(\pi k (2j + 1) / 2n)`, with :math:`c_0 = \sqrt{1/n}` and
    :math:`c_k = \sqrt{2/n}` otherwise.

    Example::

        >>> from pyro.ops.dct import dct, idct
        >>> dct(torch.ones(4))
        tensor([2., 0., 0., 0.])
    """
    if dim != -1:
        return dct(x.transpose(dim, -1)).transpose(dim, -1)
    n = x.shape[-1]
    order = torch.cat([torch.arange(0, n, 2), torch.arange(1, n, 2).flip(0)]).to(x.device)
    spectrum = torch.view_as_real(torch.fft.fft(x[..., order]))
    cos, sin, scale = _twiddles(x)
    return (spectrum[..., 0] * cos + spectrum[..., 1] * sin) * scale


def idct(y: Tensor, dim: int = -1) -> Tensor:
    """The inverse of :func:`dct`, which is its transpose.

    Example::

        >>> idct(torch.tensor([2.0, 0.0, 0.0, 0.0]))
        tensor([1., 1., 1., 1.])
    """
    if dim != -1:
        return idct(y.transpose(dim, -1)).transpose(dim, -1)
    n = y.shape[-1]
    cos, sin, scale = _twiddles(y)
    real = y / scale
    imag = torch.cat([torch.zeros_like(real[..., :1]), -real[..., 1:].flip(-1)], -1)
    spectrum = torch.complex(real * cos - imag * sin, real * sin + imag * cos)
    mixed: Tensor = torch.fft.ifft(spectrum).real
    order = torch.arange(n, device=y.device)
    order = torch.where(order % 2 == 0, order // 2, n - 1 - order // 2)
    return mixed[..., order]


def _twiddles(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cosines and sines of the quarter shift, and the factors that make the rows orthonormal."""
    n = x.shape[-1]
    angle = torch.arange(n, dtype=x.dtype, device=x.device) * (math.pi / (2 * n))
    scale = torch.full_like(angle, math.sqrt(2 / n))
    scale[:1] = math.sqrt(1 / n)
    return angle.cos(), angle.sin(), scale
