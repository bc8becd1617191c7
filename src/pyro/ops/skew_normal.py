"""Tails of the skew normal law."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyro.ops.log_ndtr import log_ndtr
from pyro.ops.quadrature import gauss_legendre
from pyro.ops.tail_functions import log1mexp

_NODES = 48
_REACH = 40.0  # beyond a factor of e^-40 nothing counts
_CURVATURE = 0.6  # -log Phi is curved at least so much left of zero
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_SQRT_HALF = math.sqrt(0.5)


def log_skew_normal_tails(z: Tensor, skew: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\log P(Z \le z)` and :math:`\log P(Z > z)` for the density
    :math:`2 \varphi(z) \Phi(\alpha z)`, both exact far out.

    The tail on the side of the skew is :math:`\Phi(-z) + 2 T(z, \alpha)`, a sum of positive terms,
    with the function T of Owen (1956), *Tables for Computing Bivariate Normal Probabilities*; the
    other, which decays faster, is integrated over its density.

    Example::

        >>> lower, upper = log_skew_normal_tails(torch.tensor([-20.0, 20.0]), torch.tensor(3.0))
        >>> lower[0], upper[1]
        (tensor(-2010.5383), tensor(-203.2240))
    """
    flipped = skew < 0
    z = torch.where(flipped, -z, z)
    alpha = skew.abs()
    upper = _heavy_tail(z, alpha)
    left = z < 0
    light = _light_tail(torch.where(left, z, -1.0), alpha)
    lower = torch.where(left, light, log1mexp(torch.where(left, -1.0, upper)))
    return torch.where(flipped, upper, lower), torch.where(flipped, lower, upper)


def _heavy_tail(z: Tensor, alpha: Tensor) -> Tensor:
    r""":math:`\log(\Phi(-z) + 2 T(z, \alpha))` for :math:`\alpha \ge 0`."""
    nodes, weights = gauss_legendre(_NODES, z)
    end = torch.minimum(alpha.atan(), torch.atan2(torch.full_like(z, 9.0), z.detach().abs()))
    tangents = (end.unsqueeze(-1) / 2 * (1 + nodes)).tan()
    kernel = (-(z.unsqueeze(-1) * tangents).square() / 2).exp()
    owen = end / (2 * math.pi) * (kernel * weights).sum(-1)  # 2 T e^(z^2 / 2)
    right = z > 0
    up, down = torch.where(right, z, 0.0), torch.where(right, 0.0, z)
    far = (torch.special.erfcx(up * _SQRT_HALF) / 2 + owen).log() - up * up / 2
    near = (torch.special.ndtr(-down) + (down * down / -2).exp() * owen).log()
    return torch.where(right, far, near.clamp(max=0.0))


def _light_tail(z: Tensor, alpha: Tensor) -> Tensor:
    r""":math:`\log \int_0^\infty 2 \varphi(z - s) \Phi(\alpha (z - s))\, ds` for :math:`z < 0`."""
    with torch.no_grad():
        y = alpha * z
        slope = alpha * (-y * y / 2 - _LOG_SQRT_2PI - log_ndtr(y)).exp() - z
        bend = 1 + _CURVATURE * alpha * alpha
        length = 2 * _REACH / (slope + (slope * slope + 2 * _REACH * bend).sqrt())
    nodes, weights = gauss_legendre(_NODES, z)
    x = z.unsqueeze(-1) - length.unsqueeze(-1) / 2 * (1 + nodes)
    log_density = log_ndtr(alpha.unsqueeze(-1) * x) - x * x / 2
    total = (log_density + weights.log()).logsumexp(-1)
    return total + length.log() - _LOG_SQRT_2PI
