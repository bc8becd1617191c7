"""Ratios of gamma functions without cancellation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pyro.ops.extent import extent
from pyro.ops.shapes import tensor_like

Formula = Callable[[Tensor, Tensor], Tensor]

_LARGE = 16.0
_LARGE_DOUBLE = 1e3  # up to here the difference in double precision is good to 1e-12


def log_gamma_ratio(x: Tensor, k: Tensor | float) -> Tensor:
    r""":math:`\log \Gamma(x + k) - \log \Gamma(x)` for ``x > 0`` and ``k >= 0``.

    The difference of two large numbers loses all digits when ``x`` is large; there the terms of
    Stirling's series are subtracted one by one instead (Abramowitz and Stegun, 6.1.40).  Exactly
    zero at ``k = 0``; an integer ``x`` and a fractional ``k`` are fine.

    Example::

        >>> log_gamma_ratio(torch.tensor(1e8), torch.tensor(1.0)) - torch.tensor(1e8).log()
        tensor(0.)
    """
    k = tensor_like(k, x)
    if torch._C._get_tracing_state():
        return _log_ratio(x, k)
    ratio: Tensor = _LogGammaRatio.apply(x, k)  # type: ignore[no-untyped-call]
    return ratio


def digamma_difference(x: Tensor, k: Tensor) -> Tensor:
    r""":math:`\psi(x + k) - \psi(x)` for ``x > 0`` and ``k >= 0``.

    Where ``x`` is large by the series of Abramowitz and Stegun, 6.3.18, term by term.

    Example::

        >>> digamma_difference(torch.tensor(1e8), torch.tensor(1.0))
        tensor(1.0000e-08)
    """
    return _by_size(x, k, lambda x, k: (x + k).digamma() - x.digamma(), _digamma_series)


def _log_ratio(x: Tensor, k: Tensor) -> Tensor:
    return _by_size(x, k, lambda x, k: (x + k).lgamma() - x.lgamma(), _log_series)


class _LogGammaRatio(torch.autograd.Function):
    """The logarithm of the ratio, with the derivatives written out."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, k: Tensor) -> Tensor:
        return _log_ratio(x, k)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, k = ctx.saved_tensors
        by_x, by_k = ctx.needs_input_grad
        return (
            (grad * digamma_difference(x, k)).sum_to_size(x.shape) if by_x else None,
            (grad * (x + k).digamma()).sum_to_size(k.shape) if by_k else None,
        )

    @staticmethod
    def jvp(ctx: Any, dx: Tensor | None, dk: Tensor | None) -> Tensor:
        x, k = ctx.saved_tensors
        moved = torch.zeros_like(x + k)
        if dx is not None:
            moved = moved + digamma_difference(x, k) * dx
        if dk is not None:
            moved = moved + (x + k).digamma() * dk
        return moved


def _by_size(x: Tensor, k: Tensor, near: Formula, far: Formula) -> Tensor:
    """One formula where ``x`` is small, another one where it is large; not both without need."""
    low, high = extent(x)
    if high <= _LARGE:
        return near(x, k)
    if low > _LARGE:
        return far(x, k)
    if high <= _LARGE_DOUBLE and x.is_floating_point():
        return near(x.double(), k.double()).to(torch.result_type(x, k))
    return torch.where(x > _LARGE, far(x.clamp(min=_LARGE), k), near(x.clamp(max=_LARGE), k))


def _log_series(x: Tensor, k: Tensor) -> Tensor:
    total = x + k
    series = (x - 0.5) * (k / x).log1p() + k * (total.log() - 1)
    return series + (_stirling_rest(total) - _stirling_rest(x))


def _digamma_series(x: Tensor, k: Tensor) -> Tensor:
    total = x + k
    series = (k / x).log1p() + k / (2 * x * total)
    return series + (_stirling_slope(total) - _stirling_slope(x))


def log_scaled_gamma_ratio(x: Tensor, k: Tensor | float) -> Tensor:
    r""":math:`\log \Gamma(x + k) - \log \Gamma(x) - k \log x` for ``x > 0`` and ``k >= 0``.

    It vanishes as ``x`` grows, and loses nothing there (see :func:`log_gamma_ratio`).

    Example::

        >>> log_scaled_gamma_ratio(torch.tensor([1.0, 1e8]), 3.0)
        tensor([1.7918, 0.0000])
    """
    return _by_size(x, tensor_like(k, x), _scaled_exact, _scaled_series)


def _scaled_exact(x: Tensor, k: Tensor) -> Tensor:
    return (x + k).lgamma() - x.lgamma() - k * x.log()


def _scaled_series(x: Tensor, k: Tensor) -> Tensor:
    total = x + k
    series = (total - 0.5) * (k / x).log1p() - k
    return series + (_stirling_rest(total) - _stirling_rest(x))


def _stirling_rest(x: Tensor) -> Tensor:
    """What Stirling's formula leaves of the log gamma function, to 1e-11 where ``x >= 16``."""
    r = x.reciprocal()
    s = r * r
    return r * (1 / 12 - s * (1 / 360 - s / 1260))


def _stirling_slope(x: Tensor) -> Tensor:
    """The derivative of the function above, to 1e-11 where ``x >= 16``."""
    s = x.reciprocal().square()
    return -s * (1 / 12 - s * (1 / 120 - s / 252))
