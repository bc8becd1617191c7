r"""The marginal of the sine model of two angles, in logarithms for any concentrations.

With :math:`v = 1 - \cos\phi`, the density of one angle is proportional to :math:`e^{g(v)}`,

.. math:: g(v) = -a v + \log I_0(z) - b,\quad z^2 = b^2 + \rho^2 v (2 - v),

where a and b are the concentrations of this angle and of the other; g is concave.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyro.ops.circular_bessel import bessel_complement, log_bessel_i0e
from pyro.ops.quadrature import gauss_legendre

_NODES = 64
_STEPS = 64
_DRAW_DROP = 40.0
_LOG_2PI = math.log(2 * math.pi)


def log_marginal(a: Tensor, b: Tensor, rho: Tensor, angle: Tensor) -> Tensor:
    r""":math:`g(1 - \cos\phi)`, of which 0 is the value at the location but for :math:`I_0`.

    Example::

        >>> a, b, rho = torch.tensor([2.0, 3.0, 5.0]).unbind()
        >>> log_marginal(a, b, rho, torch.tensor([0.0, 1.0]))
        tensor([-1.4147, -0.4649])
    """
    v = 2 * (angle / 2).sin().square()
    rise = (rho * angle.sin()).square()
    z = (b.square() + rise).sqrt()
    return rise / (z + b) - a * v + log_bessel_i0e(z)


def log_sine_constant(a: Tensor, b: Tensor, rho: Tensor) -> Tensor:
    r"""The logarithm of the integral of the sine model over the torus, less :math:`a + b`.

    .. math:: \log \int\!\!\int e^{a (\cos\phi - 1) + b (\cos\psi - 1) + \rho \sin\phi \sin\psi}

    It is the sum of Singh et al. (2002), equation 2.2, over products of Bessel functions.  That
    sum takes many terms where concentrations are large; the integral over one angle, by Gauss and
    Legendre's rule on the interval that holds all but rounding, always has as many.  It works in
    double precision inside, because peaks far from the location are large numbers.

    Example::

        >>> log_sine_constant(*torch.tensor([1e-6, 1e-6, 0.0]))  # 2 log(2 pi)
        tensor(3.6758)
    """
    dtype = a.dtype
    a, b, rho = a.double(), b.double(), rho.double()
    with torch.no_grad():
        low, high = angle_range(a, b, rho, 8.0 - math.log(torch.finfo(a.dtype).eps))
        nodes, weights = gauss_legendre(_NODES, a)
        half = (high - low).unsqueeze(-1) / 2
        angle = (high + low).unsqueeze(-1) / 2 + half * nodes
        log_weights = (half * weights).log() + math.log(2)
    logs = log_marginal(a.unsqueeze(-1), b.unsqueeze(-1), rho.unsqueeze(-1), angle)
    return ((logs + log_weights).logsumexp(-1) + _LOG_2PI).to(dtype)


def marginal_slope(a: Tensor, b: Tensor, rho: Tensor, angle: Tensor) -> Tensor:
    r""":math:`dg/dv = -a + \rho^2 \cos\phi\, I_1(z) / (z I_0(z))`."""
    z = (b.square() + (rho * angle.sin()).square()).sqrt()
    safe = z.clamp(min=1e-6)
    ratio = torch.where(z > 1e-3, (1 - bessel_complement(safe)) / safe, 0.5 - z.square() / 16)
    return rho.square() * angle.cos() * ratio - a


def angle_range(a: Tensor, b: Tensor, rho: Tensor, drop: float) -> tuple[Tensor, Tensor]:
    r"""The part of :math:`[0, \pi]` outside of which the density is below its peak by ``drop``.

    In logarithms, and with :math:`e^z` in the place of :math:`I_0(z)`: then the ends solve a
    quadratic equation in v.
    """
    size = torch.maximum(torch.maximum(a, b), rho.abs())
    a, b, c = a / size, b / size, (rho / size).square()
    total, over = c + a.square(), (c.sqrt() - (a * b).sqrt()) * (c.sqrt() + (a * b).sqrt())
    cosine = a * ((b.square() + c) / (c * total)).sqrt()
    peak = (over * (c + a * b) / (c * total * (1 + cosine))).clamp(0.0, 1.0)
    peak = torch.where(over > 0, peak, 0)
    bulge = c * peak * (2 - peak)
    level = bulge / ((b.square() + bulge).sqrt() + b) - a * peak - drop / size
    middle = c - a * (level + b)
    width = (middle.square() - total * level * (level + 2 * b)).clamp(min=0).sqrt()
    low = torch.where(level > 0, (middle - width) / total, 0).clamp(0.0, 2.0)
    high = torch.where(level > -2 * a, (middle + width) / total, 2).clamp(0.0, 2.0)
    return 2 * (low / 2).sqrt().asin(), 2 * (high / 2).sqrt().asin()


def draw_marginal(a: Tensor, b: Tensor, rho: Tensor, count: int, tries: int) -> Tensor:
    r"""Angles of density proportional to :math:`e^{g(1 - \cos\phi)}`, of shape ``(n, count)``.

    By rejection from a step function above the density: as g is concave, its tangents at the ends
    of a step bound it.  Nine of ten draws or more are accepted, also where there are two modes.

    :param a: Concentrations and coupling, double, of shape ``(n,)``.
    :return: nan where ``tries`` rounds did not suffice.
    """
    edges, heights = _steps(a.unsqueeze(-1), b.unsqueeze(-1), rho.unsqueeze(-1))
    top = heights.amax(-1, keepdim=True)
    area = ((heights - top).exp() * edges.diff(dim=-1)).cumsum(-1)
    angle = torch.full((len(a), count), math.nan, dtype=a.dtype, device=a.device)
    for _ in range(tries):
        pending = angle.isnan()
        if not pending.any():
            break
        at, place, chance, side = torch.rand(
            (4, *angle.shape), dtype=a.dtype, device=a.device
        ).unbind()
        step = torch.searchsorted(area, at * area[:, -1:], right=True)
        step = step.clamp(max=area.shape[-1] - 1)
        low, high = edges.gather(-1, step), edges.gather(-1, step + 1)
        drawn = low + place * (high - low)
        logs = log_marginal(a.unsqueeze(-1), b.unsqueeze(-1), rho.unsqueeze(-1), drawn)
        accepted = pending & (chance.log() <= logs - heights.gather(-1, step))
        angle = torch.where(accepted, torch.where(side < 0.5, -drawn, drawn), angle)
    return angle


def _steps(a: Tensor, b: Tensor, rho: Tensor) -> tuple[Tensor, Tensor]:
    r"""Edges of steps over :math:`[0, \pi]`, and bounds of g on each."""
    low, high = angle_range(a, b, rho, _DRAW_DROP)
    grid = torch.linspace(0.0, 1.0, _STEPS + 1, dtype=a.dtype, device=a.device)
    ends = torch.zeros_like(low)
    edges = torch.cat([ends, low + (high - low) * grid, ends + math.pi], -1)
    v, g = 2 * (edges / 2).sin().square(), log_marginal(a, b, rho, edges)
    slope = marginal_slope(a, b, rho, edges)
    left, right, width = slope[..., :-1], slope[..., 1:], v.diff(dim=-1)
    apart = (left - right).clamp(min=torch.finfo(a.dtype).tiny)
    meet = g[..., :-1] + left * ((g.diff(dim=-1) - right * width) / apart).clamp(min=0)
    inside = (left > 0) & (right < 0)
    ends = torch.maximum(g[..., :-1], g[..., 1:])
    return edges, torch.where(inside, torch.maximum(meet, ends), ends)
