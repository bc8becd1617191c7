"""Values that float32 holds."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Collection
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from pyro.compile import gemm
from pyro.compile.ir import Kind, Node, Op, Shape

if TYPE_CHECKING:
    from pyro.compile.graph import Graph

_SIGNS = ("neg", "abs", "copysign", "copy")
_CHOICES = ("maximum", "minimum", "fmax", "fmin", "select", "lookup")
_WHOLE = ("floor", "ceil", "trunc", "rint")
_EXACT = frozenset((*_SIGNS, *_CHOICES, *_WHOLE))  # of numbers of float32 they are one


def to_single(x: float) -> float:
    """The nearest number that float32 holds; infinite beyond its range.

    >>> to_single(0.1), to_single(1e39)
    (0.10000000149011612, inf)
    """
    return ctypes.c_float(x).value


def is_single(x: float) -> bool:
    """Whether float32 holds a number, or it is none.

    >>> is_single(0.5), is_single(0.1)
    (True, False)
    """
    return math.isnan(x) or to_single(x) == float(x)  # a literal is equal to literals only


@final
class Float32Values:
    """Which nodes of a graph have no element that float32 does not hold.

    :param graph: the graph.
    :param inputs: positions of inputs that are float32.
    """

    def __init__(self, graph: Graph, inputs: Collection[int]) -> None:
        self._graph = graph
        self._inputs = frozenset(inputs)
        self._known: dict[Node, bool] = {}

    def __contains__(self, node: Node) -> bool:
        """Whether float32 holds all elements of a node."""
        waiting = [node]
        while waiting:  # not recursive: chains of writes may be long
            last = waiting[-1]
            missing = [n for n in _sources(last) if n not in self._known]
            if last not in self._known and missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            if last not in self._known:
                self._known[last] = last.kind is Kind.F and _RULES[last.op](self, last)
        return self._known[node]

    def _input(self, node: Node) -> bool:
        return node.attr in self._inputs

    def _data(self, node: Node) -> bool:
        data: Tensor = self._graph.constants[node.attr]
        return torch.equal(data.float().to(data.dtype), data)

    def _literal(self, node: Node) -> bool:
        return is_single(node.attr)

    def _map(self, node: Node) -> bool:
        fn, attr = node.attr
        if fn == "single":
            return True
        if fn == "cast":
            return attr[0] is Kind.B
        return fn in _EXACT and self._holds_all(node)

    def _reduce(self, node: Node) -> bool:
        return node.attr[0] in ("max", "min") and self._holds_all(node)

    def _update(self, node: Node) -> bool:
        base, target = node.args[0].node, node.attr
        if target.mode == "add":
            alone = base.op is Op.LITERAL and not base.attr and not target.index_strides
            return alone and is_injective(node.domain, target.strides) and self._holds_all(node)
        return target.mode != "mul" and self._holds_all(node)

    def _result(self, node: Node) -> bool:
        """What BLAS returns in single precision."""
        return bool(node.args[0].node.attr.name == gemm.SINGLE)

    def _never(self, node: Node) -> bool:
        return False

    def _holds_all(self, node: Node) -> bool:
        return all(self._known[n] for n in _sources(node))


def _sources(node: Node) -> list[Node]:
    """What a node has its elements from, if it may have some unchanged."""
    is_other = node.op is Op.MAP and node.attr[0] not in _EXACT
    if is_other or node.op not in (Op.MAP, Op.REDUCE, Op.UPDATE):
        return []
    return [r.node for r in node.args if r.node.kind is Kind.F]


_RULES = {
    Op.INPUT: Float32Values._input,
    Op.DATA: Float32Values._data,
    Op.LITERAL: Float32Values._literal,
    Op.MAP: Float32Values._map,
    Op.REDUCE: Float32Values._reduce,
    Op.UPDATE: Float32Values._update,
    Op.RESULT: Float32Values._result,
    Op.SCAN: Float32Values._never,
    Op.CALL: Float32Values._never,
}


def is_injective(domain: Shape, strides: Shape) -> bool:
    """Whether no position is met twice; False if that takes more than a look at the strides.

    >>> is_injective((3, 4), (8, 2)), is_injective((3, 4), (2, 1))
    (True, False)
    """
    reach = 0
    for move, n in sorted((abs(s), n) for s, n in zip(strides, domain, strict=True) if n > 1):
        if move <= reach:
            return False
        reach += move * (n - 1)
    return True
