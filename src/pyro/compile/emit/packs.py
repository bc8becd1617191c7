"""Scalars of straight code: equal special functions of several are computed as one vector.

All functions that wait for equally many functions before them are independent of one another. Code
of fifty scalar logarithms is that of thirteen vectors: a quarter of the time and of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pyro.compile.affine import Access
from pyro.compile.emit.elements import Elements
from pyro.compile.emit.functions import alone, apply
from pyro.compile.fuse import compose_ref, identity
from pyro.compile.ir import Node, Op
from pyro.compile.math import FUNCTIONS
from pyro.compile.schedule import Statement


class Point(NamedTuple):
    """An element that straight code computes."""

    node: Node
    access: Access


Pack = tuple[Point, ...]


def compute_packed(elements: Elements, statements: Iterable[Statement], width: int) -> None:
    """Compute all elements of a kernel without a domain; they are then remembered.

    :param width: the most lanes that a vector should have.
    """
    roots = [root for s in statements for root in _roots(elements, s)]
    order = _ordered(roots, lambda p: _arguments(elements, p))
    packs = _packs(order, elements, width)
    if not packs:
        return

    def needs(point: Point) -> Iterator[Point]:
        return (a for p in packs.get(point, (point,)) for a in _arguments(elements, p))

    done: set[Point] = set()
    for point in _ordered(roots, needs):
        if point in done:
            continue
        if point in packs:
            _compute(elements, packs[point])
            done.update(packs[point])
        else:
            elements.element(point.node, point.access, ())


def _packs(order: list[Point], elements: Elements, width: int) -> dict[Point, Pack]:
    """For each special function, those that are computed together with it."""
    ranks: dict[Point, int] = {}
    groups: dict[tuple[int, Any], list[Point]] = {}
    for point in order:  # the rank: how many special functions lie before an element, at most
        before = (ranks[a] + _is_special(a) for a in _arguments(elements, point))
        rank = ranks[point] = max(before, default=0)
        if _is_special(point):
            groups.setdefault((rank, point.node.attr), []).append(point)
    chunks = (tuple(g[k : k + width]) for g in groups.values() for k in range(0, len(g), width))
    return {point: chunk for chunk in chunks for point in chunk}


def _compute(elements: Elements, members: Pack) -> None:
    """One vector of results; lanes beyond the members repeat the last."""
    w = elements.writer
    fn, attr = members[0].node.attr
    columns = [elements.arguments(p.node, p.access, ()) for p in members]
    if len(members) == 1 and (one := alone(w, fn, columns[0], elements.fused)) is not None:
        elements.remember(members[0].node, members[0].access, (), one)
        return
    width = max(2, 1 << (len(members) - 1).bit_length())
    columns += columns[-1:] * (width - len(columns))
    vectors = [w.join(list(lanes)) for lanes in zip(*columns, strict=True)]
    found = apply(w, fn, attr, members[0].node.kind, vectors, elements.fused)
    for position, point in enumerate(members):
        elements.remember(point.node, point.access, (), w.lane(found, position))


def _is_special(point: Point) -> bool:
    return bool(point.node.attr[0] in FUNCTIONS)


def _arguments(elements: Elements, point: Point) -> Iterator[Point]:
    """What is computed for an element, as opposed to read."""
    for ref in point.node.args:
        access = compose_ref((), point.access, point.node, ref)
        if access is not None and elements.computes(ref.node, access):
            yield Point(ref.node, access)


def _ordered(roots: Iterable[Point], needs: Callable[[Point], Iterable[Point]]) -> list[Point]:
    """All elements, each after those that it needs."""
    found: dict[Point, None] = {}
    for root in roots:
        waiting = [(root, False)]
        while waiting:
            point, entered = waiting.pop()
            if point in found:
                continue
            if entered:
                found[point] = None
                continue
            waiting.append((point, True))
            waiting.extend((argument, False) for argument in needs(point))
    return list(found)


def _roots(elements: Elements, statement: Statement) -> Iterator[Point]:
    node = statement.node
    if node.op is Op.MAP:
        yield Point(node, identity(node.domain))
        return
    for ref in node.args[1:]:
        access = Access(ref.strides, ref.offset)
        if elements.computes(ref.node, access):
            yield Point(ref.node, access)
