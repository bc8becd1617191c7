"""Large products of matrices become calls of BLAS."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, final

from pyro.compile.affine import Access, coalesce, compose
from pyro.compile.emit.products import ELEMENTS
from pyro.compile.gemm import DOUBLE, LEAST_PRODUCTS, LEAST_SIDE, Gemm, Repeat, Side
from pyro.compile.graph import Graph
from pyro.compile.ir import Kind, Node, Op, Ref, Routine, View, contiguous
from pyro.compile.roll.rewriting import Place, Rewriting
from pyro.compile.single import joins, parts_of

_COPY = -2  # tells copies for BLAS from others


class _Dim(NamedTuple):
    """A dim of the box: its size, and how far each array moves; ``out`` is 0 if it is summed."""

    size: int
    left: int
    right: int
    out: int

    @property
    def swapped(self) -> _Dim:
        return _Dim(self.size, self.right, self.left, self.out)


class _Factor(NamedTuple):
    """An array that is read from an offset on."""

    node: Node
    offset: int


class _Product(NamedTuple):
    """A sum of products over a box of indices."""

    left: _Factor
    right: _Factor
    rows: _Dim
    columns: _Dim
    summed: _Dim
    others: tuple[_Dim, ...]
    scale: float

    @property
    def swapped(self) -> _Product:
        """The transpose."""
        others = tuple(d.swapped for d in self.others)
        return _Product(
            self.right,
            self.left,
            self.columns.swapped,
            self.rows.swapped,
            self.summed.swapped,
            others,
            self.scale,
        )


class _Operand(NamedTuple):
    """An array for BLAS, the matrix in it, and the steps from repeat to repeat."""

    array: View
    side: Side
    steps: tuple[int, ...]


def with_products(
    graph: Graph, outputs: Sequence[View], routine: str, single: Sequence[int] = ()
) -> tuple[Graph, tuple[View, ...]]:
    """The same program, with its large products of matrices as calls of a routine.

    :param routine: ``"sgemm"`` or ``"dgemm"``.
    :param single: positions of inputs that are in single precision in memory.
    :raises ValueError: if it is another routine.
    """
    if routine not in ELEMENTS:
        raise ValueError(f"products of matrices are made by one of {[*ELEMENTS]}, not {routine!r}")
    return _Pass(graph, outputs, routine, single).run()


@final
class _Pass:
    """One rewriting of a graph."""

    def __init__(
        self, graph: Graph, outputs: Sequence[View], routine: str, single: Sequence[int]
    ) -> None:
        self._outputs = tuple(outputs)
        self._routine, self._inputs = routine, frozenset(single)
        self._rewriting = Rewriting(graph, outputs)
        nodes = self._rewriting.nodes
        self._joins = joins(nodes)
        called = {ref.node for n in nodes if n.op is Op.CALL for ref in n.args}
        self._whole = called | {n.args[0].node for n in nodes if n.op is Op.UPDATE}
        self._fixed = called | self._rewriting.wanted
        self._made: set[Node] = set()

    def run(self) -> tuple[Graph, tuple[View, ...]]:
        """Rewrite all nodes, in their order."""
        old = self._rewriting
        for node in old.nodes:
            if node in old.places or self._is_rounded(node):
                continue
            found = _product(node)
            if found is None:
                old.copy(node)
                continue
            made = self._call(found, node.size)
            if node in self._whole:  # by what may have another type
                made = old.graph.fresh_copy(View(made, (node.size,), (1,), 0), _COPY).node
            old.places[node] = Place(made, 0)
        return old.graph, tuple(map(old.view, self._outputs))

    def _is_rounded(self, node: Node) -> bool:
        """Whether a node is a product that is rounded, which BLAS has done; it is not copied."""
        if self._routine == DOUBLE or node.op is not Op.MAP or node.attr[0] != "single":
            return False
        (ref,) = node.args
        place = self._rewriting.places[ref.node]
        whole = ref.strides == contiguous(node.domain) and not ref.offset
        if place.node not in self._made or not whole or node in self._whole:
            return False
        self._rewriting.places[node] = place
        return True

    def _call(self, product: _Product, size: int) -> Node:
        left = self._operand(product, product.left, product.rows)
        turned = product.swapped
        right = self._operand(turned, turned.left, turned.rows)
        steps = zip(product.others, left.steps, right.steps, strict=True)
        gemm = Gemm(
            product.rows.size,
            product.columns.size,
            product.summed.size,
            left.side,
            right.side,
            product.rows.out,
            tuple(Repeat(d.size, x, y, d.out) for d, x, y in steps),
            any(not d.out for d in product.others),
            product.scale,
        )
        routine = Routine(self._routine, (gemm,), (size,), (Kind.F,))
        (result,) = self._rewriting.graph.call(routine, left.array, right.array)
        self._made.add(result.node)
        return result.node

    def _operand(self, product: _Product, factor: _Factor, line: _Dim) -> _Operand:
        """The left factor, where it is; or copied to where BLAS can read it."""
        node, start = self._rewriting.places[factor.node]
        dims = (*product.others, line, product.summed)
        sizes, strides = tuple(d.size for d in dims), tuple(d.left for d in dims)
        offset = factor.offset + start
        if not (self._is_readable(factor.node, node) and _has_lines(sizes, strides)):
            sizes = tuple(n if s else 1 for n, s in zip(sizes, strides, strict=True))
            copied = self._rewriting.graph.fresh_copy(View(node, sizes, strides, offset), _COPY)
            node, offset = copied.node, 0
            strides = tuple(0 if n == 1 else s for n, s in zip(sizes, copied.strides, strict=True))
        *steps, along, summed = strides
        side = Side(offset, along if summed == 1 else summed, summed == 1)
        return _Operand(View(node, (node.size,), (1,), 0), side, tuple(steps))

    def _is_readable(self, old: Node, new: Node) -> bool:
        """Whether an array is in memory in the type of the routine, or may be."""
        if self._routine == DOUBLE:
            return new.op is not Op.LITERAL
        if new.op is Op.INPUT:
            return new.attr in self._inputs
        if old in self._joins:
            return self._fixed.isdisjoint(parts_of(old))
        held = new.op in (Op.DATA, Op.MAP) or new in self._made
        return held and old not in self._whole and old not in self._fixed


def _has_lines(sizes: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether neighbours along one of the last two dims are neighbours in memory."""
    (*_, rows, columns), (*others, down, right) = sizes, strides
    if any(step < 0 for step in others):
        return False
    return (right == 1 and down >= columns) or (down == 1 and right >= rows)


def _product(node: Node) -> _Product | None:
    """The product of matrices that a node is, if it is one and large enough."""
    if node.op is not Op.REDUCE or node.attr[0] != "sum" or node.kind is not Kind.F:
        return None
    term = _unscaled(node)
    if term is None:
        return None
    ref, outer, scale = term
    if ref.node.op is not Op.MAP or ref.node.attr[0] != "mul":
        return None
    found = [
        compose(node.domain, outer, ref.node.domain, Access(r.strides, r.offset))
        for r in ref.node.args
    ]
    left, right = found
    if left is None or right is None:
        return None
    factors = [_Factor(r.node, a.offset) for r, a in zip(ref.node.args, (left, right), strict=True)]
    product = _arranged(factors, _dims(node, left, right), scale)
    if product is None or product.columns.out == 1:
        return product
    return product.swapped if product.rows.out == 1 else None


def left_over(nodes: Iterable[Node]) -> int:
    """How many products of two numbers, within products of matrices, are made in loops."""
    total = 0
    for node in nodes:
        if node.op is not Op.REDUCE or node.attr[0] != "sum":
            continue
        term, points = _unscaled(node), math.prod(node.domain)
        inner = None if term is None else term[0].node
        if inner is None or inner.op is not Op.MAP or inner.attr[0] != "mul":
            continue
        if all(4 * ref.node.size <= points for ref in inner.args):
            total += points
    return total


def _unscaled(node: Node) -> tuple[Ref, Access, float] | None:
    """What is summed but for a sign and factors that are numbers, as it is read, and these."""
    (ref,) = node.args
    outer, scale = Access(ref.strides, ref.offset), 1.0
    while ref.node.op is Op.MAP:
        fn, args = ref.node.attr[0], ref.node.args
        numbers = [r for r in args if r.node.op is Op.LITERAL]
        if fn == "neg":
            inner, by = args[0], -1.0
        elif fn == "mul" and len(numbers) == 1:
            inner, by = args[args[0] is numbers[0]], float(numbers[0].node.attr)
        else:
            break
        access = compose(node.domain, outer, ref.node.domain, Access(inner.strides, inner.offset))
        if access is None:
            return None
        ref, outer, scale = inner, access, scale * by
    return ref, outer, scale


def _dims(node: Node, left: Access, right: Access) -> list[_Dim]:
    """The dims of the box, those joined that all arrays walk as one."""
    flags = node.attr[1]
    units = iter(contiguous(tuple(n for n, f in zip(node.domain, flags, strict=True) if not f)))
    out = tuple(0 if flag else next(units) for flag in flags)
    sizes, rows, _ = coalesce(node.domain, [left.strides, right.strides, out], flags)
    return [_Dim(*column) for column in zip(sizes, *rows, strict=True)]


def _arranged(factors: Sequence[_Factor], dims: Sequence[_Dim], scale: float) -> _Product | None:
    rows = [d for d in dims if d.left and not d.right and d.out]
    columns = [d for d in dims if d.right and not d.left and d.out]
    summed = [d for d in dims if d.left and d.right and not d.out]
    others = [d for d in dims if d.left and d.right and d.out]
    if not (rows and columns and summed):
        return None
    if len(rows) + len(columns) + len(summed) + len(others) != len(dims):
        return None
    i, j, k = (max(group, key=lambda d: d.size) for group in (rows, columns, summed))
    sizes = (i.size, j.size, k.size)
    if min(sizes) < LEAST_SIDE or math.prod(sizes) < LEAST_PRODUCTS:
        return None
    rest = tuple(d for d in dims if d not in (i, j, k))
    return _Product(factors[0], factors[1], i, j, k, rest, scale)
