"""Roots of increasing functions, differentiable in what the functions depend on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_DOUBLINGS = 64


def solve_increasing(function: Callable[[Tensor], Tensor], target: Tensor) -> Tensor:
    r"""The :math:`x` with :math:`f(x) = y`, elementwise, for an increasing :math:`f` of the reals.

    Bisection to the precision of the dtype, then one Newton step, which also carries the gradient:
    :math:`dx = (dy - \partial_\theta f\, d\theta) / f'(x)`.

    :param function: Maps a tensor of the shape of ``target`` to one of that shape, elementwise.
    :param target: :math:`y`; where it is beyond the range of :math:`f` the result is meaningless.

    Example::

        >>> from pyro.ops.roots import solve_increasing
        >>> solve_increasing(lambda x: x**3 + x, torch.tensor([0.0, 10.0]))
        tensor([0., 2.])
    """
    with torch.no_grad():
        found = _bisect(function, target.detach())
    with torch.enable_grad():
        point = found.requires_grad_()
        (slope,) = torch.autograd.grad(function(point).sum(), point)
    found = found.detach()
    return found - (function(found) - target) / slope.clamp(min=torch.finfo(slope.dtype).tiny)


def _bisect(function: Callable[[Tensor], Tensor], target: Tensor) -> Tensor:
    low, high = -torch.ones_like(target), torch.ones_like(target)
    for _ in range(_DOUBLINGS):
        above, below = function(low) > target, function(high) < target
        if not (above.any() or below.any()):
            break
        low, high = torch.where(above, 2 * low, low), torch.where(below, 2 * high, high)
    eps = torch.finfo(target.dtype).eps
    while ((high - low) > eps * (low.abs() + high.abs()).clamp(min=1.0)).any():
        middle = (low + high) / 2
        below = function(middle) < target
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2
