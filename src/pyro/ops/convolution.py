"""Convolution by fast Fourier transforms."""

from __future__ import annotations

import torch
from torch import Tensor


def next_fast_len(size: int) -> int:
    """The smallest number from ``size`` on without a prime factor above 5.

    :raises ValueError: if ``size`` is not positive.

    Example::

        >>> [next_fast_len(n) for n in (1, 7, 13, 97)]
        [1, 8, 15, 100]
    """
    if size < 1:
        raise ValueError(f"size must be positive, got {size}")
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1


def convolve(signal: Tensor, kernel: Tensor, mode: str = "full") -> Tensor:
    r""":math:`y_t = \sum_s k_s\, x_{t - s}` along the last dimension.

    :param signal: :math:`x`, of length m; its other dimensions broadcast with those of ``kernel``.
    :param kernel: :math:`k`, of length n.
    :param mode: ``"full"``, of length m + n - 1; ``"same"``, its middle of length max(m, n); or
        ``"valid"``, where both overlap, of length max(m, n) - min(m, n) + 1.
    :raises ValueError: for another mode.

    Example::

        >>> convolve(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0])).round()
        tensor([1., 3., 5., 3.])
    """
    m, n = signal.shape[-1], kernel.shape[-1]
    lengths = {"full": m + n - 1, "same": max(m, n), "valid": max(m, n) - min(m, n) + 1}
    if mode not in lengths:
        raise ValueError(f"mode must be one of {sorted(lengths)}, got {mode!r}")
    padded = next_fast_len(m + n - 1)
    spectrum = torch.fft.rfft(signal, n=padded) * torch.fft.rfft(kernel, n=padded)
    full: Tensor = torch.fft.irfft(spectrum, n=padded)
    start = (m + n - 1 - lengths[mode]) // 2
    return full[..., start : start + lengths[mode]]
