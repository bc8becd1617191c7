"""Quantiles of sites whose unconstrained coordinates are normal, or are known by draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal

Levels = Sequence[float] | Tensor


def constrained_quantiles(transform: Any, loc: Tensor, scale: Tensor, levels: Levels) -> Tensor:
    """Quantiles of ``transform(u)`` with independent normal coordinates ``u``, by level leftmost.

    Elementwise transforms give the quantiles of the elements, also where they decrease; others (to
    a simplex, say) map the quantiles of the coordinates, so that each result is in the support.
    """
    unconstrained = normal_quantiles(loc, scale, levels)
    values: Tensor = transform(unconstrained)
    if transform.domain.event_dim or transform.codomain.event_dim:
        return values
    falls = transform(loc - scale) > transform(loc + scale)
    if not bool(falls.any()):
        return values
    mirrored = transform(normal_quantiles(loc, scale, 1 - torch.as_tensor(levels)))
    return torch.where(falls, mirrored, values)


def normal_quantiles(loc: Tensor, scale: Tensor, levels: Levels) -> Tensor:
    """Quantiles of independent normals, by level leftmost."""
    at = torch.as_tensor(levels, dtype=loc.dtype, device=loc.device)
    result: Tensor = Normal(loc, scale).icdf(at.reshape((-1,) + (1,) * loc.dim()))
    return result
