"""Draws of the von Mises law, for any concentration."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TRIALS = 1000


def draw_von_mises(concentration: Tensor) -> Tensor:
    r"""Angles of density proportional to :math:`e^{\kappa \cos\theta}`, in :math:`[-\pi, \pi]`.

    Best and Fisher (1979), *Efficient Simulation of the von Mises Distribution*: at least 0.65 of
    the draws of a wrapped Cauchy law are accepted.  It is written in :math:`1 - \cos\theta` here,
    which keeps its digits however narrow the law.

    :param concentration: :math:`\kappa \ge 0`, of the shape to be drawn; nan gives nan.

    Example::

        >>> narrow = draw_von_mises(torch.full((10000,), 1e20))
        >>> bool((narrow.std() * 1e10 - 1).abs() < 0.05)
        True
    """
    kappa = concentration.flatten()
    angle = torch.full_like(kappa, math.nan)
    pending = (~kappa.isnan()).nonzero().squeeze(-1)
    for _ in range(_TRIALS):
        if not len(pending):
            break
        drawn, accepted = _propose(kappa[pending])
        angle[pending[accepted]] = drawn[accepted]
        pending = pending[~accepted]
    return angle.reshape(concentration.shape)


def _propose(kappa: Tensor) -> tuple[Tensor, Tensor]:
    r"""A wrapped Cauchy angle for each :math:`\kappa`, and whether it may stay."""
    twice = 2 * kappa
    q = 1 / (torch.hypot(torch.ones_like(twice), twice) + twice)
    turn, chance, side = torch.rand((3, *kappa.shape), dtype=kappa.dtype, device=kappa.device)
    square = (turn * (math.pi / 2)).sin_().square_()
    depth = 2 * square / (1 + 2 * (1 - square) * twice / (1 + q))  # 1 - cos
    c = (1 + q) / 2 + kappa * depth
    angle = 2 * (depth / 2).sqrt_().asin_()
    return angle.copysign(side - 0.5), (c / chance).log_() + 1 - c >= 0
