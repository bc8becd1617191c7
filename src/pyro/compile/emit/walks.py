"""Chooses how each kernel is walked."""

from __future__ import annotations

import math

from pyro.compile.cost import cost_of
from pyro.compile.emit.economy import Manner, may_be_straight
from pyro.compile.emit.lanes import lanes_of, reduced_flags
from pyro.compile.emit.space import (
    Segment,
    Walk,
    gathered,
    overlapping,
    segments,
    straight,
)
from pyro.compile.ir import Op, Shape
from pyro.compile.schedule import Kernel, Statement

TILE = 8  # vectors that a reduction accumulates side by side
LEAST_TURNS = 4  # of accumulators that take turns, from which it pays to have more than one
LONGEST = 10  # of them, with what is left over
BODY = 128  # instructions up to which a loop has several bodies along its lanes
OVERLAP = 16  # vectors up to which the rest of a loop that takes time has no body of its own


def choose(kernel: Kernel, width: int, manner: Manner, domain: Shape | None = None) -> Walk:
    """How to walk a kernel.

    :param width: lanes of a vector register.
    :param domain: the part of the domain that is walked; all by default.
    """
    is_whole = domain is None  # a part of a strip adds to sums of the parts before
    domain = kernel.domain if domain is None else domain
    if not domain:
        return Walk((), -1, 1, ())
    flags = tuple(map(any, zip(*(reduced_flags(s) for s in kernel.statements), strict=True)))
    scan = any(s.node.op is Op.SCAN for s in kernel.statements)
    arg = kernel.layout is not None and kernel.layout[0] == "arg"
    lanes = lanes_of(kernel, domain, width)
    order = _order(kernel, flags, lanes)
    if manner.straight and may_be_straight(kernel, math.prod(domain)):
        cut = tuple(straight(n, width if d == lanes else 1) for d, n in enumerate(domain))
        return Walk(order, lanes, 8, cut)
    plain = scan or arg or not manner.unrolled
    cut, chains = _cut(kernel, domain, order, lanes, flags, width, plain)
    if is_whole and lanes >= 0 and _overlaps(kernel, domain[lanes], width, manner, flags, lanes):
        cut = (*cut[:lanes], overlapping(domain[lanes], width), *cut[lanes + 1 :])
    return Walk(order, lanes, chains, cut, manner.brief)


def _overlaps(
    kernel: Kernel, n: int, width: int, manner: Manner, flags: tuple[bool, ...], lanes: int
) -> bool:
    """Whether vectors share elements, so that what is left over needs no body of its own."""
    if n <= width or not n % width:
        return False
    is_short = n < (2 if any(flags) else OVERLAP) * width and not flags[lanes]
    return (is_short or manner.brief) and _may_overlap(kernel, flags[lanes])


def _may_overlap(kernel: Kernel, is_reduced: bool) -> bool:
    """Whether elements along the lanes may be computed twice, with the same result."""
    writes = any(s.node.op is Op.UPDATE for s in kernel.statements)
    return all(
        s.node.op is not Op.SCAN
        and (s.node.op is not Op.UPDATE or (s.mode == "set" and not s.node.attr.index_strides))
        and not (writes and any(r.node.op is Op.UPDATE for r in s.reads))
        and not (is_reduced and s.node.op is Op.REDUCE and s.node.attr[0].startswith("arg"))
        for s in kernel.statements
    )


def _order(kernel: Kernel, flags: tuple[bool, ...], lanes: int) -> tuple[int, ...]:
    """Kept dims outside of reduced dims; the dim of the lanes last where it may be."""
    dims = range(len(kernel.domain))
    if kernel.layout is None:
        return tuple(d for d in dims if d != lanes) + ((lanes,) if lanes >= 0 else ())
    kept = [d for d in dims if not flags[d]]
    reduced = [d for d in dims if flags[d]]
    for group in (kept, reduced):
        if lanes in group:
            group.remove(lanes)
            group.append(lanes)
    return tuple(kept + reduced)


def _cut(
    kernel: Kernel,
    domain: Shape,
    order: tuple[int, ...],
    lanes: int,
    flags: tuple[bool, ...],
    width: int,
    plain: bool,
) -> tuple[tuple[tuple[Segment, ...], ...], int]:
    """The parts of each dim, and the number of accumulators that take turns."""
    unroll = [1] * len(domain)
    chains = 4 if all(flags) else 1
    reducing = any(flags)
    across = lanes >= 0 and not flags[lanes] and reducing
    cost = 0 if plain or not reducing else sum(_body_cost(s) for s in kernel.statements)
    if 0 < cost <= (12 if all(flags) else 24):  # an exponential is enough
        if across:
            unroll[lanes] = _vectors(domain[lanes], width)
            rows = max(1, TILE // unroll[lanes])
        else:
            rows = 1 if all(flags) else 4
            if lanes >= 0:
                side_by_side = _chains(kernel) if all(flags) else domain[lanes] // width
                fit = 4 if all(flags) else BODY // (rows * cost)
                unroll[lanes] = min(4, max(1, min(side_by_side, fit)))
        for d in reversed(order):
            if not flags[d] and d != lanes and rows > 1:
                unroll[d] = _divisor(domain[d], rows)
                rows //= unroll[d]
        last = order[-1]
        if across and rows > 1 and domain[last] >= LEAST_TURNS * rows:
            chains = unroll[last] = min(4, rows)
    cut = [segments(n, unroll[d], width if d == lanes else 1) for d, n in enumerate(domain)]
    if across:
        cut[lanes] = gathered(cut[lanes], LONGEST)
    return tuple(cut), chains


def _chains(kernel: Kernel) -> int:
    """How many accumulators a sum has: all sums of a loop must find place in registers."""
    sums = sum(s.node.op is Op.REDUCE for s in kernel.statements)
    return 4 if sums <= 2 else 2 if sums <= 4 else 1


def _vectors(n: int, width: int) -> int:
    """How many vectors side by side: all if they are few, else a number that wastes little."""
    whole = max(1, n // width)
    if whole <= TILE:
        return whole
    return max(range(4, TILE + 1), key=lambda u: (-(whole % u), u))


def _divisor(n: int, limit: int) -> int:
    return max(u for u in range(1, limit + 1) if n % u == 0 or u in (1, limit)) if n >= limit else n


def _body_cost(statement: Statement) -> int:
    seen = set()
    waiting = [ref.node for ref in statement.node.args]
    stored = {r.node for r in statement.reads}
    total = 1
    while waiting:
        node = waiting.pop()
        if node in seen or node in stored or node.op is not Op.MAP:
            continue
        seen.add(node)
        total += cost_of(node.attr[0])
        waiting.extend(ref.node for ref in node.args)
    return total


def instances(walk: Walk) -> int:
    """How many bodies are written."""
    return math.prod(sum(len(s.steps) for s in parts) for parts in walk.segments)
