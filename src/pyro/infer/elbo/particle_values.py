"""Values of sites, particle by particle."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.poutine.trace_struct import Trace


def values_by_particle(traces: Sequence[Trace], name: str, dim: int | None) -> Tensor:
    """The values of a site, one flat row per particle.

    :param traces: One per particle, or one for all.
    :param dim: The negative batch dim of the particles, if they share a trace.
    """
    sites = [trace.nodes[name] for trace in traces]
    if dim is None:
        return torch.stack([site["value"].reshape(-1) for site in sites])
    values: Tensor = sites[0]["value"].movedim(dim - sites[0]["fn"].event_dim, 0)
    return values.reshape(len(values), -1)
