"""Products with numbers, signs, and reciprocals of data, put together while nodes are made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyro.compile import views
from pyro.compile.ir import Kind, Op, View

if TYPE_CHECKING:
    from pyro.compile.graph import Graph

_SAFE = (2.0**-1000, 2.0**1000)  # magnitudes of numbers whose reciprocals are as exact
LARGEST = 1 << 16  # elements of data up to which an array of reciprocals is worth its memory


def arguments_of(x: View, fn: str) -> tuple[View, ...] | None:
    """The arguments of ``fn``, read as ``x`` is, if ``x`` is a value of ``fn``; else None."""
    node = x.node
    if node.op is not Op.MAP or node.attr[0] != fn or node.kind is not Kind.F:
        return None
    found = []
    for ref in node.args:
        source = View(ref.node, node.domain, ref.strides, ref.offset)
        seen = views.as_strided(source, x.shape, x.strides, x.offset)
        if seen is None:
            return None
        found.append(seen)
    return tuple(found)


def number_of(x: View) -> float | None:
    """The number, if ``x`` is one."""
    return float(x.node.attr) if x.node.op is Op.LITERAL and x.kind is Kind.F else None


def factor_of(x: View) -> tuple[View, float] | None:
    """``a`` and ``c`` if ``x`` is :math:`a c` with a number :math:`c`, as a negative is."""
    if (inner := arguments_of(x, "neg")) is not None:
        return inner[0], -1.0
    a, b = arguments_of(x, "mul") or (None, None)
    if a is not None and b is not None:
        for y, z in ((a, b), (b, a)):
            if (c := number_of(z)) is not None:
                return y, c
    return None


def scaled(graph: Graph, x: View, c: float) -> View | None:
    """``x`` times a number, if ``x`` is a product with another number."""
    found = factor_of(x)
    if found is None or not _mergeable(found[1], c):
        return None
    return graph.map("mul", found[0], _real(graph, found[1] * c))


def without_sign(graph: Graph, fn: str, x: View, y: View) -> View | None:
    """A product or quotient of negatives as the negative of another."""
    (a,), (b,) = (arguments_of(v, "neg") or (None,) for v in (x, y))
    if a is None and b is None:
        return None
    value = graph.map(fn, x if a is None else a, y if b is None else b)
    return graph.map("neg", value) if a is None or b is None else value


def reciprocal(graph: Graph, x: View) -> View | None:
    """An array of reciprocals, if ``x`` is data that have some which are as exact."""
    node = x.node
    if node.op is not Op.DATA or node.kind is not Kind.F or node.size > LARGEST:
        return None
    if node not in graph.reciprocals:
        data = graph.constants[node.attr]
        size = data.abs()
        safe = bool(((size >= _SAFE[0]) & (size <= _SAFE[1])).all())
        graph.reciprocals[node] = graph.data(data.reciprocal()).node if safe else None
    found = graph.reciprocals[node]
    return None if found is None else x._replace(node=found)


def still_sum(graph: Graph, x: View) -> View | None:
    """The sum of all elements of ``x``, if no loop is needed: of one number, or of data."""
    if (value := number_of(x)) is not None:
        total = value * x.numel
        return _real(graph, total) if math.isfinite(total) else None
    if not any(x.strides):
        return graph.map("mul", View(x.node, (), (), x.offset), _real(graph, float(x.numel)))
    elements = graph.elements(x) if x.node.op is Op.DATA else None
    if elements is None or not bool(elements.sum().isfinite()):
        return None
    return View(graph.data(elements.sum().reshape(1)).node, (), (), 0)


def sum_apart(graph: Graph, x: View) -> View | None:
    r"""The sum of all elements of ``x`` with what does not move outside of it, or None.

    :math:`\sum_i (c_i + a x_i) = \sum_i c_i + a \sum_i x_i`: the loop has neither.
    """
    every = range(len(x.shape))
    if (found := factor_of(x)) is not None and _is_moderate(found[1]):
        return graph.map("mul", graph.reduce("sum", found[0], every), _real(graph, found[1]))
    for fn in ("add", "sub"):
        a, b = arguments_of(x, fn) or (None, None)
        if a is None or b is None:
            continue
        first, second = still_sum(graph, a), still_sum(graph, b)
        if first is not None:
            return graph.map(fn, first, graph.reduce("sum", b, every))
        if second is not None:
            return graph.map(fn, graph.reduce("sum", a, every), second)
    return None


def _real(graph: Graph, c: float) -> View:
    return graph.literal(c, Kind.F)


def _is_moderate(c: float) -> bool:
    """Whether a sum may be multiplied instead of its terms: no overflow that was none before."""
    return 2.0**-32 <= abs(c) <= 2.0**32


def _mergeable(c: float, d: float) -> bool:
    """Whether two numbers may be multiplied first: no overflow, nor an underflow, that is new."""
    powers = all(abs(math.frexp(v)[0]) == 0.5 for v in (c, d))
    safe = _SAFE[0] <= abs(c * d) <= _SAFE[1]
    return (powers and safe) or (_is_moderate(c) and _is_moderate(d))
