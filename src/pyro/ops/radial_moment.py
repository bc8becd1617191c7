r"""The integral :math:`J_m(t) = \int_0^\infty r^m e^{-(r-t)^2/2}\,dr` of projected normal laws.

It obeys :math:`J_{m+1} = t J_m + m J_{m-1}` and :math:`J_m' = m J_{m-1}`; it is the parabolic
cylinder function :math:`m!\, e^{-t^2/4} D_{-m-1}(-t)` (Abramowitz and Stegun, 19.5.3).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pyro.ops.log_ndtr import log_ndtr
from pyro.ops.quadrature import gauss_legendre

_ROOT_2PI = math.sqrt(2 * math.pi)
_CLOSED = 3
_FAR = 2.0
_NODES = 48


def log_radial_moment(order: int, t: Tensor) -> Tensor:
    r""":math:`\log J_m(t)` for an integer order :math:`m \ge 0`, without cancellation for any t.

    Differentiable any number of times.  Orders 1 to 3 are closed forms of the normal distribution
    function; beyond, a quadrature rule that is exact to rounding.

    Example::

        >>> log_radial_moment(2, torch.tensor([-30.0, 0.0, 30.0]))
        tensor([-4.5952e+02,  2.2579e-01,  7.7224e+00])
    """
    if order == 0:
        return log_ndtr(t) + math.log(_ROOT_2PI)
    if order <= _CLOSED:
        result: Tensor = _RadialMoment.apply(order, t)[0]  # type: ignore[no-untyped-call]
        return result
    return _quadrature(order, t)


class _RadialMoment(torch.autograd.Function):
    """The pair of the logarithm and of the ratio of two consecutive moments."""

    @staticmethod
    def forward(order: int, t: Tensor) -> tuple[Tensor, Tensor]:
        log, ratio = _upward(order, t)
        far = t < -_FAR
        if far.any():
            log[far], ratio[far] = _downward(order, -t[far])
        return log, ratio

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[int, Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.order = inputs[0]
        ctx.save_for_backward(inputs[1], output[1])
        ctx.save_for_forward(inputs[1], output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(
        ctx: Any, of_log: Tensor | None, of_ratio: Tensor | None
    ) -> tuple[None, Tensor | None]:
        t, ratio = ctx.saved_tensors
        total = None if of_log is None else of_log * (ctx.order / ratio)
        if of_ratio is not None:
            term = of_ratio * _ratio_slope(ctx.order, t, ratio)
            total = term if total is None else total + term
        return None, total

    @staticmethod
    def jvp(ctx: Any, order: None, of_t: Tensor) -> tuple[Tensor, Tensor]:
        t, ratio = ctx.saved_tensors
        return of_t * (ctx.order / ratio), of_t * _ratio_slope(ctx.order, t, ratio)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[None, int], order: int, t: Tensor
    ) -> tuple[tuple[Tensor, Tensor], int]:
        return _RadialMoment.apply(order, t), in_dims[1]  # type: ignore[no-untyped-call]


def _ratio_slope(order: int, t: Tensor, ratio: Tensor) -> Tensor:
    r""":math:`R_m' = R_m (R_{m+1} - R_m)`."""
    above: Tensor = _RadialMoment.apply(order + 1, t)[1]  # type: ignore[no-untyped-call]
    return ratio * (above - ratio)


def _upward(order: int, t: Tensor) -> tuple[Tensor, Tensor]:
    """By the recursion from the normal distribution function, for ``t >= -2``."""
    before = torch.special.ndtr(t).mul_(_ROOT_2PI)
    now = torch.exp(-t.square() / 2).addcmul_(t, before)
    for m in range(1, order):
        before, now = now, torch.mul(t, now).add_(before, alpha=m)
    return now.log(), now / before


def _downward(order: int, x: Tensor) -> tuple[Tensor, Tensor]:
    r"""At ``t = -x``, for ``x >= 2``, from the continued fraction :math:`R_m = m / (x + R_{m+1})`.

    :math:`R_m = J_m / J_{m-1}`, and :math:`J_0 = e^{-x^2/2} / (x + R_1)`.
    """
    start = 16 if x.dtype is torch.float64 else 8
    below = _ratio(start, x)
    ratio = product = below
    for m in range(start - 1, 0, -1):
        below = below.add(x).reciprocal_().mul_(m)
        if m == order:
            ratio = product = below
        elif m < order:
            product = product * below
    log = (product / (x + below)).log_().sub_(x.square() / 2)
    return log, ratio


def _ratio(n: int, x: Tensor) -> Tensor:
    r""":math:`R_n(-x)` for large n, from the series that its Riccati equation gives.

    :math:`R' = n - xR - R^2` is solved in powers of :math:`w/n`, where :math:`w = p(1 - p)`,
    :math:`p = n / (n + \rho^2)` and :math:`\rho > 0` solves :math:`\rho^2 + x \rho = n`.
    """
    rho = 2 * n / (x + (x.square() + 4 * n).sqrt_())
    p = n / (n + rho.square())
    e = p * (1 - p) / n
    series = 706 - p * (8941 - p * (34895 - p * (52835 - 27120 * p)))
    series = -74 + p * (659 + p * (1105 * p - 1585)) - e * series
    series = 10 + p * (60 * p - 55) - e * series
    series = -2 + 5 * p - e * series
    return rho * (1 - e * (1 - e * series))


def _quadrature(order: int, t: Tensor) -> Tensor:
    r"""By Gauss and Legendre's rule around the peak :math:`\rho`, where :math:`\rho^2 = t\rho + m`.

    At :math:`\rho(1 + y)` the logarithm of the integrand is lower than at the peak by
    :math:`(\rho y)^2/2 + m (y - \log(1 + y))`.  The nodes are held fixed in differentiation.
    """
    start = t.detach()
    root = (start.square() + 4 * order).sqrt()
    peak = torch.where(start < 0, 2 * order / (root - start), (root + start) / 2)
    drop = 4.0 - math.log(torch.finfo(t.dtype).eps)
    tau = drop / order
    reach = math.sqrt(2 * drop) / peak
    low = -reach.clamp(max=min(1.0, math.sqrt(2 * tau)))
    high = reach.clamp(max=math.sqrt(2 * tau) + tau)
    nodes, weights = gauss_legendre(_NODES, t)
    half = (high - low) / 2
    y = (high + low).div(2).unsqueeze(-1) + half.unsqueeze(-1) * nodes
    lift, move = order / peak, t - start
    gap = peak.unsqueeze(-1) * y + lift.unsqueeze(-1)
    logs = order * (y.log1p() - y) - (peak.unsqueeze(-1) * y).square() / 2 + weights.log()
    total = (logs + gap * move.unsqueeze(-1)).logsumexp(-1) - move.square() / 2
    return total + half.log() + (order + 1) * peak.log() - lift.square() / 2
