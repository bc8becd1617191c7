"""Bounds of what elements can be, where their computation tells; a nan is within any bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from pyro.compile.float32 import to_single
from pyro.compile.ir import Kind, Node, Op

DEPTH = 4  # of computations inside one another that are looked through


class Bounds(NamedTuple):
    """The least and the largest value."""

    low: float
    high: float


ANY = Bounds(-math.inf, math.inf)
_POSITIVE = Bounds(0.0, math.inf)
_FRACTION = Bounds(0.0, 1.0)
Rule = Callable[..., Bounds]


def bounds_of(node: Node, depth: int = DEPTH) -> Bounds:
    """Bounds of all elements of a node.

    >>> from pyro.compile.graph import Graph
    >>> from pyro.compile.ir import Kind
    >>> g = Graph()
    >>> x = g.input(0, (3,), Kind.F)
    >>> bounds_of(g.map("exp", g.map("neg", g.map("abs", x))).node)
    Bounds(low=0.0, high=1.0)
    """
    if node.op is Op.LITERAL and node.kind is Kind.F and not math.isnan(node.attr):
        return Bounds(float(node.attr), float(node.attr))
    if node.op is not Op.MAP or node.kind is not Kind.F or not depth:
        return ANY
    fn = node.attr[0]
    if fn == "mul" and node.args[0] == node.args[1]:
        return _POSITIVE
    rule = _RULES.get(fn)
    return ANY if rule is None else rule(*(bounds_of(r.node, depth - 1) for r in node.args))


def _exp(x: Bounds) -> Bounds:
    return _FRACTION if x.high <= 0 else _POSITIVE


def _add(x: Bounds, y: Bounds) -> Bounds:
    return _POSITIVE if x.low >= 0 and y.low >= 0 else ANY


def _maximum(x: Bounds, y: Bounds) -> Bounds:
    return Bounds(max(x.low, y.low), max(x.high, y.high))


def _minimum(x: Bounds, y: Bounds) -> Bounds:
    return Bounds(min(x.low, y.low), min(x.high, y.high))


def _single(x: Bounds) -> Bounds:
    return Bounds(to_single(x.low), to_single(x.high))


_RULES: dict[str, Rule] = {
    "abs": lambda x: _POSITIVE,
    "neg": lambda x: Bounds(-x.high, -x.low),
    "exp": _exp,
    "exp2": _exp,
    "sqrt": lambda x: _POSITIVE,
    "softplus": lambda x: _POSITIVE,
    "sigmoid": lambda x: _FRACTION,
    "add": _add,
    "mul": _add,
    "div": _add,
    "maximum": _maximum,
    "minimum": _minimum,
    "single": _single,
}
