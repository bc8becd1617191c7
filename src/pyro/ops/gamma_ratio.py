"""Ratios of gamma functions without cancellation."""

from __future__ import annotations

import torch
from torch import Tensor

_LARGE = 16.0


def log_gamma_ratio(x: Tensor, k: Tensor | float) -> Tensor:
    r""":math:`\log \Gamma(x + k) - \log \Gamma(x)` for ``x > 0`` and ``k >= 0``.

    The difference of two large numbers loses all digits when ``x`` is large; there the terms of
    Stirling's series are subtracted one by one instead (Abramowitz and Stegun, 6.1.40).  Exactly
    zero at ``k = 0``; an integer ``x`` and a fractional ``k`` are fine.

    Example::

        >>> log_gamma_ratio(torch.tensor(1e8), torch.tensor(1.0)) - torch.tensor(1e8).log()
        tensor(0.)
    """
    large = x > _LARGE
    small_x = x.clamp(max=_LARGE)
    exact = (small_x + k).lgamma() - small_x.lgamma()
    big_x = x.clamp(min=_LARGE)
    total = big_x + k
    series = (big_x - 0.5) * (k / big_x).log1p() + k * (total.log() - 1)
    series = series + (_stirling_rest(total) - _stirling_rest(big_x))
    return torch.where(large, series, exact)


def log_scaled_gamma_ratio(x: Tensor, k: Tensor | float) -> Tensor:
    r""":math:`\log \Gamma(x + k) - \log \Gamma(x) - k \log x` for ``x > 0`` and ``k >= 0``.

    It vanishes as ``x`` grows, and loses nothing there (see :func:`log_gamma_ratio`).

    Example::

        >>> log_scaled_gamma_ratio(torch.tensor([1.0, 1e8]), 3.0)
        tensor([1.7918, 0.0000])
    """
    large = x > _LARGE
    small_x = x.clamp(max=_LARGE)
    exact = (small_x + k).lgamma() - small_x.lgamma() - k * small_x.log()
    big_x = x.clamp(min=_LARGE)
    total = big_x + k
    series = (total - 0.5) * (k / big_x).log1p() - k
    series = series + (_stirling_rest(total) - _stirling_rest(big_x))
    return torch.where(large, series, exact)


def _stirling_rest(x: Tensor) -> Tensor:
    """What Stirling's formula leaves of the log gamma function, to 1e-11 where ``x >= 16``."""
    r = x.reciprocal()
    s = r * r
    return r * (1 / 12 - s * (1 / 360 - s / 1260))
