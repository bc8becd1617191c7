"""Types of fewer than 64 bits: integers wrap around in torch, and real numbers are rounded."""

from __future__ import annotations

import torch

from pyro.compile.graph import Graph
from pyro.compile.ir import Kind, Op, View

BITS = {torch.int32: 32, torch.int16: 16, torch.int8: 8, torch.uint8: 8}


def wrapped(graph: Graph, x: View, dtype: torch.dtype) -> View:
    """``x``, computed in 64 bits, as the given type holds it; float32 if the graph rounds."""
    if dtype is torch.float32:
        return x if graph.rounding is None else graph.rounding(x)

    def number(n: int) -> View:
        return graph.literal(n, Kind.I)

    if dtype not in BITS:
        return x
    limits = torch.iinfo(dtype)
    if x.node.op is Op.LITERAL and limits.min <= x.node.attr <= limits.max:
        return x
    if dtype is torch.uint8:
        return graph.map("and", x, number(255))
    half = number(1 << (BITS[dtype] - 1))
    low = graph.map("and", graph.map("add", x, half), number((1 << BITS[dtype]) - 1))
    return graph.map("sub", low, half)
