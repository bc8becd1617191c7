"""Clamping that lets gradients pass."""

from __future__ import annotations

from torch import Tensor


def clamp_preserve_gradients(x: Tensor, min: float, max: float) -> Tensor:
    """``x`` clamped to ``[min, max]``, with the gradient of ``x``: what has left can come back.

    Example::

        >>> from pyro.ops.clamp import clamp_preserve_gradients
        >>> x = torch.tensor(5.0, requires_grad=True)
        >>> y = clamp_preserve_gradients(x, -1.0, 1.0)
        >>> y.item(), torch.autograd.grad(y, x)[0].item()
        (1.0, 1.0)
    """
    return x + (x.clamp(min, max) - x).detach()
