"""Special functions with the limits and gradients that densities need."""

from __future__ import annotations

import torch
from torch import Tensor

_SHORT = 16  # what torch's softmax takes at once
_MANY = 2048


def log_power(exponent: Tensor, x: Tensor) -> Tensor:
    r""":math:`a \log x`, which is 0, with the slope 0 in :math:`x`, where :math:`a = x = 0`.

    Example::

        >>> log_power(torch.tensor([0.0, 2.0]), torch.zeros(2))
        tensor([0., -inf])
    """
    return exponent.xlogy(x + ~torch.logical_or(exponent, x))  # 0 / 0 becomes 0 / 1


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


def log_normalize(logits: Tensor) -> Tensor:
    r""":math:`\log \mathrm{softmax}` along the last dimension.

    Torch's own walks through short rows one number at a time; the same in parts is faster there.

    Example::

        >>> log_normalize(torch.zeros(2, 4)).exp()
        tensor([[0.2500, 0.2500, 0.2500, 0.2500],
                [0.2500, 0.2500, 0.2500, 0.2500]])
    """
    if logits.shape[-1] < _SHORT and logits.numel() > _MANY:
        return logits - logits.logsumexp(-1, keepdim=True)
    return logits.log_softmax(-1)
