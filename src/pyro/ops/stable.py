r"""Draws and log densities of standard stable laws, smooth through stability 1.

Write :math:`\epsilon = 1 - \alpha,\ \tau = \epsilon\beta\tan(\pi\alpha/2)`, which is finite at
:math:`\alpha = 1`.  With V uniform on :math:`(-\pi/2, \pi/2)` and W exponential, the variable of
Chambers, Mallows and Stuck in the parametrisation :math:`S^0` is

.. math:: X = C P + \tfrac\tau\epsilon (P \cos\epsilon V - 1),\quad
    P = \left(\frac{\cos\epsilon V + \tau \sin(\epsilon V)/\epsilon}{W \cos V}
    \right)^{\epsilon/\alpha},\quad
    C = \tan V (\cos\epsilon V + \tau \sin(\epsilon V)/\epsilon) - \sin\epsilon V

See Chambers, Mallows and Stuck (1976), *A Method for Simulating Stable Random Variables*; Nolan
(1997), *Numerical Calculation of Stable Densities and Distribution Functions*.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

_NEAR = 0.25
_LEAST = 1e-6
_GAP = 1e-3  # around the point where the formula is 0/0 the log density is interpolated
_BISECTIONS = 60
_LOG_W_LOW = -46.0
_W_ABOVE = 46.0


def _sinc(x: Tensor) -> Tensor:
    """sin(x)/x."""
    return torch.sinc(x / math.pi)


def stable_tau(stability: Tensor, skew: Tensor) -> Tensor:
    r""":math:`(1-\alpha)\,\beta\tan(\pi\alpha/2)`, which tends to :math:`2\beta/\pi` at 1."""
    half = (1 - stability) * (math.pi / 2)
    return skew * (2 / math.pi) * half.cos() / _sinc(half)


class _Angle(NamedTuple):
    """The functions of V that draws and densities are made of."""

    slope: Tensor  # the C above
    cosine: Tensor  # cos(epsilon V)
    versine: Tensor  # (1 - cos(epsilon V)) / epsilon
    log_front: Tensor  # of the numerator of P, over cos V


def _angle(eps: Tensor, tau: Tensor, v: Tensor) -> _Angle:
    turn = eps * v
    ratio = turn.cos() + tau * v * _sinc(turn)
    cos_v = v.cos()
    slope = v.sin() / cos_v * ratio - turn.sin()
    versine = eps * v * v / 2 * _sinc(turn / 2).square()
    tiny = torch.finfo(v.dtype).tiny
    return _Angle(slope, turn.cos(), versine, ratio.clamp(min=tiny).log() - cos_v.log())


def standard_stable(stability: Tensor, skew: Tensor, v: Tensor, w: Tensor) -> Tensor:
    r"""A draw of :math:`S^0_\alpha(\beta, 1, 0)`, differentiable in stability and skew.

    :param v: Uniform on :math:`(-\pi/2, \pi/2)`.
    :param w: Exponential of mean one.

    Example::

        >>> half = torch.tensor(0.5)
        >>> standard_stable(torch.tensor(1.0), torch.tensor(0.0), half, half)  # Cauchy: tan(1/2)
        tensor(0.5463)
    """
    eps, tau = 1 - stability, stable_tau(stability, skew)
    angle = _angle(eps, tau, v)
    log_b = angle.log_front - w.log()
    power = eps * log_b / stability
    far = eps.abs() > _NEAR
    limit = math.log(torch.finfo(v.dtype).max) / 2
    p = power.clamp(-limit, limit).exp()
    shift = tau / torch.where(far, eps, 1.0)
    direct = (angle.slope + shift * angle.cosine) * p - shift
    small = power.abs() < 1e-4
    safe = torch.where(small, 1.0, power).clamp(max=limit)
    growth = torch.where(small, 1 + power / 2 + power * power / 6, torch.expm1(safe) / safe)
    near = angle.slope * p + tau * (angle.cosine * growth * log_b / stability - angle.versine)
    return torch.where(far, direct, near)


def standard_stable_log_prob(stability: Tensor, skew: Tensor, x: Tensor) -> Tensor:
    r"""The log density of :math:`S^0_\alpha(\beta, 1, 0)`, differentiable in all arguments.

    Given V, the draw is a monotone function of W, so that

    .. math:: f(x) = \frac{\alpha}{\pi|\epsilon x + \tau|} \int w(x, V)\, e^{-w(x, V)}\, dV

    over the V of one sign of P.  There w is monotone in V; the peak at w = 1 is found by bisection
    and the integral taken on both of its sides by the tanh-sinh rule, in double precision.

    Example::

        >>> zero = torch.tensor(0.0)
        >>> standard_stable_log_prob(torch.tensor(2.0), zero, zero)  # normal, of variance 2
        tensor(-1.2655)
    """
    dtype = x.dtype
    alpha, beta, x = torch.broadcast_tensors(stability.double(), skew.double(), x.double())
    eps, tau = 1 - alpha, stable_tau(alpha, beta)
    with torch.no_grad():
        nudge = torch.where(eps < 0, -_LEAST, _LEAST) - eps
        nudge = torch.where(eps.abs() < _LEAST, nudge, 0.0)
    eps = eps + nudge
    center = -tau / eps
    near = (x - center).abs() < _GAP
    log_prob = _log_density(eps, tau, torch.where(near, center + _GAP, x))
    if near.any():
        share = (x - center) / (2 * _GAP) + 0.5
        below = _log_density(eps, tau, torch.where(near, center - _GAP, x))
        between = torch.lerp(below.clamp(min=-1e300), log_prob.clamp(min=-1e300), share)
        log_prob = torch.where(near, between, log_prob)
    outside = (beta.abs() == 1) & (alpha < 1) & ((x - center) * beta <= 0)
    return torch.where(outside, -math.inf, log_prob).to(dtype)


def _log_density(eps: Tensor, tau: Tensor, x: Tensor) -> Tensor:
    """The log density away from the point at which the front factor is zero."""
    front = eps * x + tau
    parts = _Parts(*(p.unsqueeze(-1) for p in (1 - eps, eps, tau, front)))
    with torch.no_grad():
        nodes, log_weights = _nodes(parts)
    log_w = _log_w(parts, nodes)
    log_integral = (log_w - log_w.exp() + log_weights).logsumexp(-1)
    return log_integral + (1 - eps).log() - front.abs().log() - math.log(math.pi)


class _Parts(NamedTuple):
    """What w depends on, besides the angle."""

    alpha: Tensor
    eps: Tensor
    tau: Tensor
    front: Tensor


def _log_w(parts: _Parts, v: Tensor) -> Tensor:
    """log w, for which the draw with angle V is x."""
    alpha, eps, tau, front = parts
    angle = _angle(eps, tau, v)
    scale = eps * angle.slope + tau * angle.cosine
    ratio = (front - scale) / torch.where(scale == 0, 1e-300, scale)
    log_p = torch.log1p(ratio.clamp(min=-1 + 1e-16))
    return (angle.log_front - alpha * log_p / eps).clamp(-600.0, 600.0)


def _nodes(parts: _Parts) -> tuple[Tensor, Tensor]:
    """Angles and log weights of the quadrature, along the last dimension."""
    alpha, eps, tau, front = parts
    half = math.pi / 2
    zero = -torch.atan2(tau * eps.sign(), eps.abs()) / alpha
    upper = front * eps > 0
    low = torch.where(upper, zero, -half).clamp(-half, half)
    high = torch.where(upper, half, zero).clamp(-half, half)
    inset = 1e-14 * (high - low)
    ends = torch.cat([low + inset, high - inset], -1)
    log_w = _log_w(parts, ends)
    rising = log_w[..., 1:] > log_w[..., :1]
    least = log_w.min(-1, keepdim=True).values.clamp(min=0.0).exp()
    targets = torch.cat(
        [torch.full_like(least, _LOG_W_LOW), least.log(), (least + _W_ABOVE).log()], -1
    )
    left, right = low.expand_as(targets), high.expand_as(targets)
    for _ in range(_BISECTIONS):
        middle = (left + right) / 2
        above = (_log_w(parts, middle) > targets) == rising
        left, right = torch.where(above, left, middle), torch.where(above, middle, right)
    knots = ((left + right) / 2).clamp(ends[..., :1], ends[..., 1:])
    return _tanh_sinh(knots)


def _tanh_sinh(knots: Tensor) -> tuple[Tensor, Tensor]:
    """The rule on each side of the middle one of three knots, in any order."""
    u = torch.linspace(-3.1, 3.1, 63, dtype=knots.dtype, device=knots.device)
    inner = math.pi / 2 * u.sinh()
    weight = math.pi / 2 * u.cosh() / inner.cosh().square() * (u[1] - u[0])
    center = (knots[..., 1:] + knots[..., :-1]).unsqueeze(-1) / 2
    half = (knots[..., 1:] - knots[..., :-1]).unsqueeze(-1) / 2
    nodes = (center + half * inner.tanh()).flatten(-2)
    return nodes, (half.abs() * weight).clamp(min=1e-300).log().flatten(-2)
