r"""The logarithm of the normal distribution function, and of a normal plus an exponential.

Everything rests on :math:`R(x) = \log\Phi(x)`, to which :math:`x^2/2` is added far in the left
tail, so that there :math:`R(x) = -\log(\sqrt{2\pi}\,D(-x))` with Laplace's continued fraction
:math:`D(a) = \varphi(a)/\Phi(-a) = a + 1/(a + 2/(a + \dots))` (Abramowitz and Stegun, 26.2.14).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pyro.ops.extent import extent

_LOG_2 = math.log(2)
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_SQRT_HALF = math.sqrt(0.5)
_DEPTH = 8  # of the fraction, which gives all digits from these distances on
_FAR = {torch.float64: 12.0, torch.float32: 5.0}  # standard deviations


def log_ndtr(x: Tensor) -> Tensor:
    r""":math:`\log \Phi(x)`, with a gradient that is right in the left tail too.

    Example::

        >>> x = torch.tensor([-1e4, 0.0, 1e4], requires_grad=True)
        >>> log_ndtr(x).sum().backward()
        >>> x.grad
        tensor([1.0000e+04, 7.9788e-01, 0.0000e+00])
    """
    far = _far(x)
    rest = _rest(x)
    if extent(x)[0] >= far:
        return rest
    return torch.where(x < far, rest - x * x / 2, rest)


def log_normal_exponential(z: Tensor, s: Tensor) -> Tensor:
    r""":math:`\log \int_0^\infty \varphi(z - t/s)\, e^{-t}\,dt / s`, with :math:`s > 0`.

    The logarithm of :math:`e^{s^2/2 - sz}\,\Phi(z - s)`: the density at :math:`z` of a standard
    normal plus an exponential of rate :math:`s` is :math:`s` times its exponential.  Neither
    factor is formed where one is huge and the other tiny.
    """
    if torch._C._get_tracing_state():
        return _tilted(z, s)[0]
    tilted: Tensor = _Tilted.apply(z, s)[0]  # type: ignore[no-untyped-call]
    return tilted


def _far(x: Tensor) -> float:
    return -_FAR.get(x.dtype, 3.0)


def _rest(x: Tensor) -> Tensor:
    if torch._C._get_tracing_state():
        return _rest_value(x)
    rest: Tensor = _Rest.apply(x)  # type: ignore[no-untyped-call]
    return rest


class _Rest(torch.autograd.Function):
    r""":math:`R`; its derivative is :math:`\varphi/\Phi`, to which ``x`` is added far out."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return _rest_value(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs, output)
        ctx.save_for_forward(*inputs, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * _rest_slope(*ctx.saved_tensors)

    @staticmethod
    def jvp(ctx: Any, moved: Tensor) -> Tensor:
        return moved * _rest_slope(*ctx.saved_tensors)


def _tilted(z: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """The logarithm, and the part of it that is :math:`R(z - s)`."""
    x, near = z - s, _unless_far(z, s)
    rest = _left(x, extent(x)[0])
    return rest + near * (near / 2 - z), rest


def _unless_far(z: Tensor, s: Tensor) -> Tensor:
    """``s``, in place of which ``z`` tilts where ``z - s`` is far out."""
    x = z - s
    far = _far(x)
    return s if extent(x)[0] >= far else torch.where(x < far, z, s)


class _Tilted(torch.autograd.Function):
    """Both, with the derivatives written out."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        return _tilted(z, s)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, Tensor]
    ) -> None:
        ctx.save_for_backward(*inputs, output[1])
        ctx.save_for_forward(*inputs, output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, by_rest: Tensor) -> tuple[Tensor, Tensor]:
        z, s, rest = ctx.saved_tensors
        near = _unless_far(z, s)
        pull = (grad + by_rest) * _rest_slope(z - s, rest)
        by_z, by_s = pull - grad * near, grad * (near - z) - pull
        return by_z.sum_to_size(z.shape), by_s.sum_to_size(s.shape)

    @staticmethod
    def jvp(ctx: Any, dz: Tensor, ds: Tensor) -> tuple[Tensor, Tensor]:
        z, s, rest = ctx.saved_tensors
        near = _unless_far(z, s)
        moved = _rest_slope(z - s, rest) * (dz - ds)
        return moved - near * dz + (near - z) * ds, moved


def _rest_value(x: Tensor) -> Tensor:
    low, high = extent(x)
    if high <= 0:
        return _left(x, low)
    above = torch.log1p(torch.special.erfc(x * _SQRT_HALF) / -2)
    if low >= 0:
        return above
    return torch.where(x < 0, _left(x.clamp(max=0), low), above)


def _left(x: Tensor, low: float) -> Tensor:
    """The value where its logarithm is not close to zero, or need not be exact relative to that."""
    far = _far(x)
    near: Tensor = (torch.special.erfc(x.clamp(min=far) * -_SQRT_HALF) / 2).log()
    if low >= far:
        return near
    a = -x.clamp(max=far)
    return torch.where(x < far, -(a + _beyond(a)).log() - _LOG_SQRT_2PI, near)


def _rest_slope(x: Tensor, rest: Tensor) -> Tensor:
    far = _far(x)
    near = (x.clamp(min=far).square() / -2 - rest - _LOG_SQRT_2PI).exp()
    if extent(x)[0] >= far:
        return near
    return torch.where(x < far, _beyond(-x.clamp(max=far)), near)


def _beyond(a: Tensor) -> Tensor:
    """What the fraction adds to ``a``."""
    below, one = a, torch.ones((), dtype=a.dtype, device=a.device)
    for n in range(_DEPTH, 1, -1):
        below = torch.addcdiv(a, one, below, value=n)
    above: Tensor = below.reciprocal()
    return above
