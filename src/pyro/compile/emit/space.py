"""How a box of indices is walked: the order of loops, vector lanes, and unrolling."""

from __future__ import annotations

import math
from typing import NamedTuple

from pyro.compile.ir import Shape


class Step(NamedTuple):
    """One unrolled position inside a loop body: where it is, and how many lanes it has."""

    start: int
    width: int


class Segment(NamedTuple):
    """Part of a dim: ``iterations`` times the same steps, ``stride`` further each time.

    :param repeated: by how much the last time is less far; so many elements are met twice.
    """

    start: int
    iterations: int
    stride: int
    steps: tuple[Step, ...]
    repeated: int = 0

    @property
    def last(self) -> int:
        """Where the steps begin the last time."""
        return self.start + self.stride * (self.iterations - 1) - self.repeated


class Walk(NamedTuple):
    """How a kernel is walked.

    :param order: dims, the outermost loop first.
    :param lanes: the dim along which vectors lie; -1 for none.
    :param chains: accumulators that one reduction uses in turn.
    :param segments: for each dim (by number), its parts.
    :param brief: whether it matters less how long it takes than how long LLVM works on it.
    """

    order: tuple[int, ...]
    lanes: int
    chains: int
    segments: tuple[tuple[Segment, ...], ...]
    brief: bool = False


class Index(NamedTuple):
    """Where an instance of the body is in one dim: ``symbol + start``.

    :param symbol: the name of the loop variable, or None.
    :param depth: the level of that loop.
    """

    symbol: str | None
    depth: int
    start: int
    width: int


def segments(n: int, unroll: int, width: int) -> tuple[Segment, ...]:
    """Cut a dim into a loop of ``unroll`` steps of ``width`` lanes, and what is left over.

    >>> [s.steps for s in segments(7, 1, 4)]
    [(Step(start=0, width=4),), (Step(start=0, width=2), Step(start=2, width=1))]
    """
    found = []
    start = 0
    block = unroll * width
    if n >= block:
        steps = tuple(Step(k * width, width) for k in range(unroll))
        found.append(Segment(0, n // block, block, steps))
        start = n // block * block
    if start < n:
        (rest,) = straight(n - start, width)
        found.append(rest._replace(start=start))
    return tuple(found)


def gathered(parts: tuple[Segment, ...], most: int) -> tuple[Segment, ...]:
    """The last block of a loop together with what is left over, if that is up to ``most`` steps.

    >>> [(s.start, s.iterations, len(s.steps)) for s in gathered(segments(50, 6, 4), 8)]
    [(0, 1, 6), (24, 1, 7)]
    """
    if len(parts) < 2 or sum(len(s.steps) for s in parts) > most:
        return parts
    loop, rest = parts
    length = loop.iterations * loop.stride
    moved = tuple(s._replace(start=s.start + loop.stride) for s in rest.steps)
    last = Segment(length - loop.stride, 1, loop.stride + rest.stride, loop.steps + moved)
    before = loop._replace(iterations=loop.iterations - 1)
    return (before, last) if before.iterations else (last,)


def overlapping(n: int, width: int) -> tuple[Segment, ...]:
    """A dim that is no multiple of a vector as one loop; the last two vectors share elements.

    >>> overlapping(7, 4)
    (Segment(start=0, iterations=2, stride=4, steps=(Step(start=0, width=4),), repeated=1),)
    """
    iterations = -(-n // width)
    return (Segment(0, iterations, width, (Step(0, width),), iterations * width - n),)


def straight(n: int, width: int) -> tuple[Segment, ...]:
    """A dim without a loop: all its steps, as one part."""
    steps: list[Step] = []
    start = 0
    while start < n:
        while width > n - start:
            width //= 2
        steps.append(Step(start, width))
        start += width
    return (Segment(0, 1, n, tuple(steps)),)


def lane_cost(strides: tuple[int, ...], n: int, width: int) -> float:
    """Cost per element of loading or storing along a dim with these strides."""
    chunks = n // width + bin(n % width).count("1")
    per_chunk = sum(1.0 if s == 1 else 0.3 if s == 0 else 0.6 * width for s in strides)
    return (per_chunk + 1) * chunks / n


def best_lanes(domain: Shape, accesses: list[Shape], width: int, allowed: list[int]) -> int:
    """The dim along which vectors are cheapest, -1 if none is allowed."""
    found = -1
    best = math.inf
    for d in reversed(allowed):
        if domain[d] < 2:
            continue
        cost = lane_cost(tuple(a[d] for a in accesses), domain[d], width)
        if cost < best - 1e-9:
            found, best = d, cost
    return found
