"""The logarithm of probabilities that may be zero."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.ops.extent import extent


def log_with_zero(x: Tensor) -> Tensor:
    r""":math:`\log x` for ``x >= 0``; ``-inf`` at 0, where its gradient is 0.

    Example::

        >>> x = torch.tensor([0.0, 0.5], requires_grad=True)
        >>> log_with_zero(x).exp().sum().backward()
        >>> x.grad
        tensor([0., 1.])
    """
    if extent(x)[0] > 0:
        return x.log()
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, 1).log(), -torch.inf)
