"""Monotone rational splines on an interval, with identity tails."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Bin(NamedTuple):
    """The piece of a spline that a point falls into; each field of the shape of the point."""

    x: Tensor
    y: Tensor
    width: Tensor
    height: Tensor
    d0: Tensor
    d1: Tensor
    middle: Tensor | None


def monotone_rational_spline(
    inputs: Tensor,
    widths: Tensor,
    heights: Tensor,
    derivatives: Tensor,
    lambdas: Tensor | None = None,
    *,
    inverse: bool = False,
    bound: float = 3.0,
    min_bin_width: float = 1e-3,
    min_bin_height: float = 1e-3,
    min_derivative: float = 1e-3,
    min_lambda: float = 0.025,
) -> tuple[Tensor, Tensor]:
    r"""An increasing function of the reals, the identity outside of ``[-bound, bound]``.

    With ``lambdas`` each bin is a linear rational spline of two pieces (Dolatabadi et al. 2020,
    *Invertible generative modeling using linear rational splines*, algorithm 1), otherwise a
    rational quadratic one (Durkan et al. 2019, *Neural spline flows*, section 3.1).

    :param inputs: Points, of shape ``(..., n)``.
    :param widths: Shares of the interval on the x axis, on the simplex, shape ``(..., n, bins)``.
    :param heights: Shares of the interval on the y axis, on the simplex, shape ``(..., n, bins)``.
    :param derivatives: Slopes at the inner knots, positive, shape ``(..., n, bins - 1)``.
    :param lambdas: Where each bin is divided, in ``(0, 1)``, shape ``(..., n, bins)``.
    :param inverse: Whether to evaluate the inverse function.
    :param min_bin_width: The least share, likewise the other minima.
    :return: the values, and the log-derivative of the function evaluated, both ``(..., n)``.

    Example::

        >>> from pyro.ops.monotone_spline import monotone_rational_spline
        >>> share, slope = torch.full((1, 4), 0.25), torch.full((1, 3), 0.999)
        >>> monotone_rational_spline(torch.tensor([0.7]), share, share, slope)
        (tensor([0.7000]), tensor([0.]))
    """
    bins = widths.shape[-1]
    inside = (inputs >= -bound) & (inputs <= bound)
    clamped = inputs.clamp(-bound, bound)
    x = _knots(min_bin_width + (1 - min_bin_width * bins) * widths, bound)
    y = _knots(min_bin_height + (1 - min_bin_height * bins) * heights, bound)
    slopes = F.pad(min_derivative + derivatives, (1, 1), value=1.0)
    middle = None if lambdas is None else (1 - 2 * min_lambda) * lambdas + min_lambda
    here = _find(clamped, x, y, slopes, middle, inverse)
    rule = _quadratic if lambdas is None else _linear
    out, log_slope = rule(clamped, here, inverse)
    return torch.where(inside, out, inputs), log_slope.masked_fill(~inside, 0.0)


def _knots(shares: Tensor, bound: float) -> Tensor:
    """Borders of the bins, exactly ``-bound`` and ``bound`` at the ends."""
    inner = 2 * bound * shares[..., :-1].cumsum(-1) - bound
    return F.pad(F.pad(inner, (1, 0), value=-bound), (0, 1), value=bound)


def _find(
    at: Tensor, x: Tensor, y: Tensor, slopes: Tensor, middle: Tensor | None, inverse: bool
) -> Bin:
    borders = (y if inverse else x)[..., 1:-1].detach()
    index = (at.detach()[..., None] >= borders).sum(-1, keepdim=True)

    def pick(values: Tensor, offset: int = 0) -> Tensor:
        values = values.expand(index.shape[:-1] + values.shape[-1:])
        return values.gather(-1, index + offset).squeeze(-1)

    x0, y0 = pick(x), pick(y)
    return Bin(
        x0,
        y0,
        pick(x, 1) - x0,
        pick(y, 1) - y0,
        pick(slopes),
        pick(slopes, 1),
        None if middle is None else pick(middle),
    )


def _quadratic(at: Tensor, b: Bin, inverse: bool) -> tuple[Tensor, Tensor]:
    s = b.height / b.width
    bend = b.d0 + b.d1 - 2 * s
    if inverse:
        rise = at - b.y
        a2 = b.height * (s - b.d0) + rise * bend
        a1 = b.height * b.d0 - rise * bend
        root = (a1 * a1 + 4 * a2 * s * rise).clamp(min=0).sqrt()
        t = 2 * s * rise / (a1 + root)
        out = t * b.width + b.x
    else:
        t = (at - b.x) / b.width
        out = b.y + b.height * (s * t * t + b.d0 * t * (1 - t)) / (s + bend * t * (1 - t))
    numerator = b.d1 * t * t + 2 * s * t * (1 - t) + b.d0 * (1 - t) * (1 - t)
    log_slope = 2 * s.log() + numerator.log() - 2 * (s + bend * t * (1 - t)).log()
    return out, -log_slope if inverse else log_slope


def _linear(at: Tensor, b: Bin, inverse: bool) -> tuple[Tensor, Tensor]:
    """Two linear rational pieces, with weights 1, ``wc``, ``wb`` at left, middle and right."""
    m = b.middle
    assert m is not None
    s = b.height / b.width
    wb = (b.d0 / b.d1).sqrt()
    wc = (m * b.d0 + (1 - m) * wb * b.d1) / s
    yc = m * wb * b.height / ((1 - m) + m * wb)  # height of the middle above the left end
    if inverse:
        rise = at - b.y
        left = rise <= yc
        top = torch.where(left, m * rise, m * wb * (b.height - rise) + wc * (rise - yc))
        t = top / torch.where(
            left, rise + wc * (yc - rise), wb * (b.height - rise) + wc * (rise - yc)
        )
    else:
        t = (at - b.x) / b.width
        left = t <= m
    below = torch.where(left, (m - t) + wc * t, wc * (1 - t) + wb * (t - m))
    above = torch.where(left, wc * yc * t, wc * yc * (1 - t) + wb * b.height * (t - m))
    out = t * b.width + b.x if inverse else b.y + above / below
    slope = torch.where(left, m * wc * yc, (1 - m) * wb * wc * (b.height - yc))
    log_slope = slope.log() - 2 * below.log() - b.width.log()
    return out, -log_slope if inverse else log_slope
