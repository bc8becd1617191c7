"""How many instructions an element takes, roughly."""

from __future__ import annotations

from pyro.compile.ir import Node, Op
from pyro.compile.math import FUNCTIONS

_COST = {"copy": 0, "cast": 1, "div": 6, "sqrt": 8, "lookup": 4, "pow": 60, "floordiv": 10}


def cost_of(fn: str) -> int:
    """Instructions of one scalar function."""
    if fn in FUNCTIONS:
        return FUNCTIONS[fn].flops
    return _COST.get(fn, 1)


def COST(node: Node) -> int:  # noqa: N802
    """Instructions of one element of a node."""
    return cost_of(node.attr[0]) if node.op is Op.MAP else 1
