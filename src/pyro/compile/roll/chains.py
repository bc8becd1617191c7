"""Writes one after the other into one array: those at equal distances are one write."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pyro.compile.ir import Node, Op, Ref, Shape, View
from pyro.compile.roll.period import LEAST_STEPS
from pyro.compile.roll.rewriting import Place, Rewriting

MOST = 1 << 20  # elements whose places are compared


class Write(NamedTuple):
    """A write in terms of the new graph: where to, and the value with the indices that it reads."""

    node: Node
    offset: int
    refs: tuple[Ref, ...]


def chains(rewriting: Rewriting) -> dict[Node, list[Node]]:
    """Long sequences of writes of which only the last result is read, by their last write."""
    found: dict[Node, list[Node]] = {}
    for node in rewriting.nodes:
        if node.op is not Op.UPDATE:
            continue
        base = node.args[0].node
        alone = rewriting.uses[base] == 1 and base not in rewriting.wanted
        read = any(ref.node is base for ref in node.args[1:])
        before = found.pop(base, None) if alone and not read else None
        found[node] = [*(before or []), node]
    return {last: chain for last, chain in found.items() if len(chain) >= LEAST_STEPS}


def rewrite(rewriting: Rewriting, chain: Sequence[Node]) -> None:
    """Put the writes into the new graph."""
    graph, last = rewriting.graph, chain[-1]
    base = chain[0].args[0].node
    if base.op is Op.LITERAL:
        array = graph.full((last.size,), base.attr, base.kind)
    else:
        array = rewriting.row(base)
    writes = [
        Write(n, n.attr.offset, tuple(rewriting.ref(ref) for ref in n.args[1:])) for n in chain
    ]
    for run in _runs(writes):
        array = _written(rewriting, array, run)
    rewriting.places[last] = Place(graph.copy(array).node, 0)


def _written(rewriting: Rewriting, array: View, run: Sequence[Write]) -> View:
    first, target = run[0], run[0].node.attr
    steps, paces = 0, [0] * len(first.refs)
    if len(run) > 1:
        steps = run[1].offset - first.offset
        paces = [b.offset - a.offset for a, b in zip(first.refs, run[1].refs, strict=True)]
    shape = (len(run), *first.node.domain)
    value, *indices = (
        View(ref.node, shape, (pace, *ref.strides), ref.offset)
        for ref, pace in zip(first.refs, paces, strict=True)
    )
    strides = (steps, *target.strides)
    pairs = list(zip(indices, target.index_strides, strict=True))
    return rewriting.graph.update(array, target.mode, strides, first.offset, value, pairs)


def _runs(writes: Sequence[Write]) -> Iterator[list[Write]]:
    run: list[Write] = []
    for write in writes:
        if run and not _goes_on(run, write):
            yield from _apart(run)
            run = []
        run.append(write)
    yield from _apart(run)


def _goes_on(run: Sequence[Write], write: Write) -> bool:
    """Whether a write is as far from the one before as that is from its own."""
    last = run[-1]
    a, b = last.node.attr._replace(offset=0), write.node.attr._replace(offset=0)
    if a != b or last.node.domain != write.node.domain:
        return False
    pairs = list(zip(last.refs, write.refs, strict=True))
    if any(x.node is not y.node or x.strides != y.strides for x, y in pairs):
        return False
    return len(run) < 2 or _gaps(run[-2], last) == _gaps(last, write)


def _gaps(a: Write, b: Write) -> tuple[int, ...]:
    parts = zip(a.refs, b.refs, strict=True)
    return (b.offset - a.offset, *(y.offset - x.offset for x, y in parts))


def _apart(run: list[Write]) -> Iterator[list[Write]]:
    """Writes that replace each other stay one after the other."""
    target = run[0].node.attr
    together = target.mode == "add" or (
        not target.index_strides and _is_injective(run, target.strides)
    )
    if together:
        yield run
    else:
        yield from ([write] for write in run)


def _is_injective(run: Sequence[Write], strides: Shape) -> bool:
    """Whether no element is written twice."""
    domain = (len(run), *run[0].node.domain)
    moves = (run[1].offset - run[0].offset if len(run) > 1 else 1, *strides)
    if math.prod(domain) > MOST:
        return False
    reach = 1
    for move, n in sorted((abs(m), n) for m, n in zip(moves, domain, strict=True) if n > 1):
        if move < reach:
            return False
        reach = move * (n - 1) + reach
    return True
