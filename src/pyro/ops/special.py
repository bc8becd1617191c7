"""Special functions with the limits and gradients that densities need."""

from __future__ import annotations

import torch
from torch import Tensor


def log_beta(x: Tensor, y: Tensor) -> Tensor:
    r""":math:`\log B(x, y) = \log\Gamma(x) + \log\Gamma(y) - \log\Gamma(x + y)`."""
    return x.lgamma() + y.lgamma() - (x + y).lgamma()


def log_binomial(n: Tensor, k: Tensor) -> Tensor:
    r""":math:`\log \binom{n}{k}` for real ``n >= k >= 0``."""
    return (n + 1).lgamma() - (k + 1).lgamma() - (n - k + 1).lgamma()


def safe_log(x: Tensor) -> Tensor:
    r""":math:`\log x` whose gradient at 0 is finite (that of the smallest positive number)."""
    return x.clamp(min=torch.finfo(x.dtype).tiny).log() if x.is_floating_point() else x.log()


def logsumexp(x: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    r""":math:`\log \sum_i e^{x_i}` along ``dim``; slices of ``-inf`` give ``-inf`` and no nan."""
    return torch.logsumexp(x, dim, keepdim)
