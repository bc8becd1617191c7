"""Algebra that is applied while nodes are made; a rule returns what the result is, or None."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from pyro.compile import views
from pyro.compile.bounds import bounds_of
from pyro.compile.exponentials import decided, log_of_exp, times_exp
from pyro.compile.float32 import to_single
from pyro.compile.ir import Kind, Node, Op, Target, View, contiguous
from pyro.compile.scaling import (
    LARGEST,
    arguments_of,
    number_of,
    reciprocal,
    scaled,
    without_sign,
)

if TYPE_CHECKING:
    from pyro.compile.graph import Graph

Rule = Callable[["Graph", tuple[View, ...]], "View | None"]
RULES: dict[str, Rule] = {}

FOLD: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "single": to_single,
}


def rule(name: str) -> Callable[[Rule], Rule]:
    def register(fn: Rule) -> Rule:
        RULES[name] = fn
        return fn

    return register


def value_of(x: View) -> Any:
    """The number, if all elements are one literal; else None."""
    return _plain(x.node.attr) if x.node.op is Op.LITERAL else None


def function_of(node: Node) -> str | None:
    return node.attr[0] if node.op is Op.MAP else None


def simplify_map(graph: Graph, fn: str, arguments: tuple[View, ...], kind: Kind) -> View | None:
    """What ``fn`` of the (broadcast) arguments is, if that needs no new node."""
    if fn in FOLD and all(a.node.op is Op.LITERAL for a in arguments):
        value = FOLD[fn](*(_plain(a.node.attr) for a in arguments))
        return graph.full(arguments[0].shape, value, kind)
    rule = RULES.get(fn)
    found = None if rule is None else rule(graph, arguments)
    return None if found is None else views.expand(found, arguments[0].shape)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, float) else value


@rule("add")
def _add(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    x, y = arguments
    for a, b in ((x, y), (y, x)):
        if value_of(a) == 0:
            return b
        if (inner := _negated(a)) is not None:
            return graph.map("sub", b, inner)
    if x == y and x.kind is Kind.F:
        return graph.map("mul", x, graph.literal(2.0, Kind.F))
    return _joined_writes(graph, x, y)


@rule("sub")
def _sub(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    x, y = arguments
    if value_of(y) == 0:
        return x
    if value_of(x) == 0:
        return graph.map("neg", y)
    if (inner := _negated(y)) is not None:
        return graph.map("add", x, inner)
    return None


@rule("mul")
def _mul(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    x, y = arguments
    for a, b in ((x, y), (y, x)):
        if value_of(a) == 1:
            return b
        if value_of(a) == -1 and a.kind is not Kind.B:
            return graph.map("neg", b)
        if (c := number_of(b)) is not None and (found := scaled(graph, a, c)) is not None:
            return found
        if (found := times_exp(graph, a, b)) is not None:
            return found
    return without_sign(graph, "mul", x, y)


@rule("div")
def _div(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    x, y = arguments
    value = value_of(y)
    if value == 1:
        return x
    if value is not None and value != 0 and math.isfinite(value) and math.isfinite(1 / value):
        return graph.map("mul", x, graph.literal(1 / value, Kind.F))
    if (inverse := reciprocal(graph, y)) is not None:
        return graph.map("mul", x, inverse)
    if (found := without_sign(graph, "div", x, y)) is not None:
        return found
    repeats = any(n > 1 and not s for n, s in zip(y.shape, y.strides, strict=True))
    if value is None and repeats and value_of(x) is None:
        return graph.map("mul", x, graph.map("div", graph.literal(1.0, Kind.F), y))
    return None


@rule("abs")
def _abs(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    inner = _negated(arguments[0])
    return None if inner is None else graph.map("abs", inner)


@rule("neg")
def _neg(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    (x,) = arguments
    if (difference := arguments_of(x, "sub")) is not None:
        return graph.map("sub", *reversed(difference))
    return _negated(x) or (scaled(graph, x, -1.0) if x.kind is Kind.F else None)


@rule("single")
def _single(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    """Signs stand outside, where they meet others."""
    inner = _negated(arguments[0])
    return None if inner is None else graph.map("neg", graph.map("single", inner))


@rule("pow")
def _pow(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    x, y = arguments
    power = value_of(y)
    if power == 0:
        return graph.literal(1.0, Kind.F)
    if power == 1:
        return x
    if power == 2:
        return graph.map("mul", x, x)
    if power == 3:
        return graph.map("mul", graph.map("mul", x, x), x)
    if power == -1:
        return graph.map("div", graph.literal(1.0, Kind.F), x)
    if power == -2:
        return graph.map("div", graph.literal(1.0, Kind.F), graph.map("mul", x, x))
    return None


@rule("log")
def _log(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    return log_of_exp(graph, arguments[0])


@rule("log1p")
def _log1p(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    (x,) = arguments
    low, high = bounds_of(x.node)
    if low < 0:
        return None
    return graph.map("log1p_of_fraction" if high <= 1 else "log1p_of_positive", x)


@rule("select")
def _select(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    condition, x, y = arguments
    value = value_of(condition)
    if value is not None:
        return x if value else y
    if x == y:
        return x
    if (found := decided(graph, condition, y)) is not None:
        return graph.map("select", condition, x, found)
    return _chosen_data(graph, arguments)


def _chosen_data(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    """A choice between data, by data, as data."""
    size = arguments[0].numel
    whole = all(a.node.op is Op.LITERAL or a.node.size == size for a in arguments)
    if size > LARGEST or not whole:
        return None  # a part is one of many that a loop reads
    condition, x, y = map(graph.elements, arguments)
    if condition is None or x is None or y is None:
        return None
    return graph.data(torch.where(condition, x, y).contiguous())


@rule("and")
def _and(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    for a, b in (arguments, arguments[::-1]):
        if a.kind is Kind.B and value_of(a) is not None:
            return b if value_of(a) else a
    return None


@rule("or")
def _or(graph: Graph, arguments: tuple[View, ...]) -> View | None:
    for a, b in (arguments, arguments[::-1]):
        if a.kind is Kind.B and value_of(a) is not None:
            return a if value_of(a) else b
    return None


def _negated(x: View) -> View | None:
    """``y`` if ``x`` is ``-y``, read in the same way."""
    if function_of(x.node) != "neg":
        return None
    inner = x.node.args[0]
    source = View(inner.node, x.node.domain, inner.strides, inner.offset)
    return views.as_strided(source, x.shape, x.strides, x.offset)


def simplify_reduce(graph: Graph, fn: str, x: View, reduced: set[int]) -> tuple[View, float]:
    """Leave out reduced dims along which ``x`` does not move; a sum gets their count as factor."""
    still = [d for d in reduced if x.shape[d] > 1 and not x.strides[d]]
    if fn == "prod" or fn.startswith("arg") or not still:
        return x, 1
    count = math.prod(x.shape[d] for d in still)
    shape = tuple(1 if d in still else n for d, n in enumerate(x.shape))
    return View(x.node, shape, x.strides, x.offset), count if fn == "sum" else 1


# ---------------------------------------------------------------- writes


def _joined_writes(graph: Graph, x: View, y: View) -> View | None:
    """Two arrays that are zero but for what was written into them: one array with all writes.

    Where the writes add up, so do their rounded sums.
    """
    x, y = _unrounded(x), _unrounded(y)
    counts = [_write_count(graph, a) for a in (x, y)]
    if 0 in counts:
        return None
    total, other = (x, y) if counts[0] >= counts[1] else (y, x)
    writes = []
    node = other.node
    while node.op is Op.UPDATE:
        writes.append(node)
        node = node.args[0].node
    for node in reversed(writes):
        target: Target = node.attr
        value = node.args[1]
        region = View(value.node, node.domain, value.strides, value.offset)
        total = graph.update(total, "add", target.strides, target.offset, region)
    return total


def _unrounded(x: View) -> View:
    """The array of which ``x`` is the rounded one."""
    found = arguments_of(x, "single")
    return x if found is None else found[0]


def _write_count(graph: Graph, x: View) -> int:
    """How many writes made ``x`` from zeros, if they add up; else 0."""
    whole = x.numel == x.node.size and views.is_contiguous(x)
    return graph.write_counts.get(x.node, 0) if whole else 0


def written_value(graph: Graph, x: View) -> View:
    """Look through writes: a view of what was written, or of what was there before."""
    while x.node.op is Op.UPDATE and not x.node.attr.index_strides and x.numel:
        target: Target = x.node.attr
        low, high = views.span(x)
        value = x.node.args[1]
        region = View(x.node, x.node.domain, target.strides, target.offset)
        start, end = views.span(region)
        if high < start or low > end:
            base = x.node.args[0].node
            if base.op is Op.LITERAL:
                return views.expand(View(base, (), (), 0), x.shape)
            x = View(base, x.shape, x.strides, x.offset)
            continue
        whole = target.mode == "set" and target.strides == contiguous(x.node.domain)
        if not (whole and start <= low and high <= end):
            return x
        source = View(value.node, x.node.domain, value.strides, value.offset)
        seen = views.as_strided(source, x.shape, x.strides, x.offset - start)
        if seen is None:
            return x
        x = seen
    return x
