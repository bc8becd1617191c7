"""Draws of a counting distribution given that they are not zero."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyro.distributions.combined_support import log_prob_inside
from pyro.ops.tail_functions import log1mexp

_REJECTIONS = 20
_STEPS = 10_000


def log_prob_of_zero(base: Any, like: Tensor) -> Tensor:
    """The log mass at zero, ``-inf`` where the support does not hold it."""
    return log_prob_inside(
        base, torch.zeros(base.batch_shape, dtype=like.dtype, device=like.device)
    )


def sample_nonzero(base: Any, sample_shape: torch.Size) -> Tensor:
    """Draws of ``base``, none of which is zero.

    Zeros are drawn again; where zero is so probable that this does not end, the distribution
    function is inverted by a walk over the integers.
    """
    x: Tensor = base.sample(sample_shape)
    for _ in range(_REJECTIONS):
        zero = x == 0
        if not zero.any():
            return x
        x = torch.where(zero, base.sample(sample_shape), x)
    return _walk(base, x)


def _walk(base: Any, x: Tensor) -> Tensor:
    """Replace the zeros of ``x`` by inversion, in the order 1, -1, 2, -2, ..."""
    log_rest = log1mexp(log_prob_of_zero(base, x.to(torch.get_default_dtype())))
    left = torch.rand(x.shape, dtype=log_rest.dtype, device=x.device)
    for step in range(2, 2 * _STEPS):
        point = torch.full_like(x[:1] if x.dim() else x, step // 2 * (-1) ** step)
        point = point.expand(x.shape)
        mass = (log_prob_inside(base, point) - log_rest).exp()
        here = (x == 0) & (mass > 0) & (left <= mass)
        x = torch.where(here, point, x)
        left = left - mass
        if not (x == 0).any():
            break
    return torch.where(x == 0, torch.ones_like(x), x)
