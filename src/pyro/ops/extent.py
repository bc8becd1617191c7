"""The extent of what a tensor holds, so that a formula that no entry needs is not evaluated."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ANY = (-math.inf, math.inf)


def extent(x: Tensor) -> tuple[float, float]:
    """The least and the greatest entry; nan if there is one, which no comparison passes.

    Where a look at the entries is impossible or costly (while tracing, under ``vmap``, on another
    device than the processor, or if there are none) they may be anything.

    Example::

        >>> extent(torch.tensor([2.0, -1.0]))
        (-1.0, 2.0)
    """
    if torch._C._get_tracing_state() or not x.is_cpu or not x.numel():
        return ANY
    try:
        low, high = torch.aminmax(x.detach())
        return low.item(), high.item()
    except RuntimeError:  # under vmap
        return ANY
