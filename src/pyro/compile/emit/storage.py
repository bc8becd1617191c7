"""Which arrays need memory, and where in the scratch memory they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from pyro.compile.emit.space import Walk
from pyro.compile.emit.values import memory_of
from pyro.compile.fuse import LEAVES
from pyro.compile.ir import Node, Op
from pyro.compile.schedule import Fill, Kernel, Schedule, Statement
from pyro.compile.strips import Step, Strip

ALIGN = 64
SLACK = 64  # bytes behind each array


@dataclass
class Storage:
    """The plan of memory.

    :param needed: nodes whose elements must be in memory; others live in registers.
    :param volatile: arrays that are written more than once, which registers cannot mirror.
    :param offsets: where in the scratch memory an array begins, in bytes.
    :param sizes: elements of arrays that hold less than their node has.
    :param single: nodes whose arrays are in single precision.
    """

    needed: set[Node] = field(default_factory=set)
    volatile: set[Node] = field(default_factory=set)
    offsets: dict[Node, int] = field(default_factory=dict)
    sizes: dict[Node, int] = field(default_factory=dict)
    single: Set[Node] = frozenset()
    scratch_bytes: int = 0


def plan(
    schedule: Schedule,
    steps: list[Step | Strip],
    walks: dict[Kernel, Walk],
    outputs: list[Node],
    single: Set[Node],
) -> Storage:
    """Decide for every stored node.

    :param single: nodes that may be in single precision; blocks of rows are not, they stay near.
    """
    storage = Storage()
    home = schedule.home
    writers: dict[Node, list[Kernel]] = {}  # several, where updates write parts of an array
    for kernel in kernels_of(steps):
        for statement in kernel.statements:
            node = home.get(statement.node, statement.node)
            writers.setdefault(node, []).append(kernel)
    for step in steps:
        if isinstance(step, Fill):
            storage.volatile.add(home[step.node])
            storage.needed.update((home[step.node], home.get(step.source, step.source)))
        elif isinstance(step, Statement):
            storage.needed.update(schedule.results[step.node])
            storage.needed.update(home.get(r.node, r.node) for r in step.reads)
        elif isinstance(step, Strip):
            storage.volatile.update(s.node for k in step.kernels for s in k.statements)
            storage.needed.update(step.carried)
            storage.sizes.update({n: n.size // step.rows * step.block for n in step.local})
    storage.single = single - storage.sizes.keys()
    for kernel in kernels_of(steps):
        _kernel_needs(kernel, writers, walks, schedule, storage)
    for node in schedule.fusion.nodes:
        if node.op is Op.MAP and node.attr[0] == "lookup":  # at positions that only the run knows
            table = node.args[0].node
            storage.needed.add(home.get(table, table))
    storage.needed.update(home.get(node, node) for node in outputs)
    storage.needed = {n for n in storage.needed if n.op not in LEAVES}
    _assign(schedule, steps, storage, {home.get(node, node) for node in outputs})
    return storage


def kernels_of(steps: Sequence[Step | Strip]) -> Iterator[Kernel]:
    """All kernels, also those in strips."""
    for step in steps:
        if isinstance(step, Strip):
            yield from step.kernels
        elif isinstance(step, Kernel):
            yield step


def is_straight(walk: Walk) -> bool:
    """Whether a kernel is written without loops."""
    return all(s.iterations == 1 for parts in walk.segments for s in parts)


def _kernel_needs(
    kernel: Kernel,
    writers: dict[Node, list[Kernel]],
    walks: dict[Kernel, Walk],
    schedule: Schedule,
    storage: Storage,
) -> None:
    home = schedule.home
    straight = is_straight(walks[kernel])
    for statement in kernel.statements:
        node = statement.node
        if node.op is Op.UPDATE and (statement.mode != "set" or node.attr.index_strides):
            storage.volatile.add(home[node])
            storage.needed.add(home[node])
        for read, _ in statement.reads:
            source = home.get(read, read)
            writing = writers.get(source, [])
            if read.op is Op.MAP and writing == [kernel]:
                continue
            all_straight = bool(writing) and all(is_straight(walks[k]) for k in writing)
            far = source in storage.volatile or (
                source.size > 1 and not (straight and all_straight)
            )
            if far:
                storage.needed.add(source)


def _assign(
    schedule: Schedule, steps: list[Step | Strip], storage: Storage, outputs: set[Node]
) -> None:
    """First fit: memory of arrays that are no longer read is used again."""
    first, last = _lifetimes(schedule, steps, storage)
    free: list[tuple[int, int]] = []  # offset, size
    ends: dict[int, list[Node]] = {}
    sizes: dict[Node, int] = {}
    for node in sorted(first, key=lambda n: first[n]):
        if node in outputs:
            continue
        for step in sorted(s for s in ends if s < first[node]):
            free.extend((storage.offsets[dead], sizes[dead]) for dead in ends.pop(step))
        _, element = memory_of(node, storage.single)
        size = -(-(storage.sizes.get(node, node.size) * element + SLACK) // ALIGN) * ALIGN
        sizes[node] = size
        storage.offsets[node] = _take(free, size, storage)
        ends.setdefault(last[node], []).append(node)


def _take(free: list[tuple[int, int]], size: int, storage: Storage) -> int:
    for position, (offset, room) in enumerate(free):
        if room >= size:
            if room > size:
                free[position] = (offset + size, room - size)
            else:
                del free[position]
            return offset
    offset = storage.scratch_bytes
    storage.scratch_bytes += size
    return offset


def _lifetimes(
    schedule: Schedule, steps: list[Step | Strip], storage: Storage
) -> tuple[dict[Node, int], dict[Node, int]]:
    first: dict[Node, int] = {}
    last: dict[Node, int] = {}

    def touch(node: Node, step: int) -> None:
        node = schedule.home.get(node, node)
        if node in storage.needed:
            first[node] = min(first.get(node, step), step)
            last[node] = max(last.get(node, step), step)

    for number, step in enumerate(steps):
        if isinstance(step, Fill):
            touch(step.node, number)
            touch(step.source, number)
        elif isinstance(step, Statement):
            for node in [*schedule.results[step.node], *(r.node for r in step.reads)]:
                touch(node, number)
        for kernel in kernels_of([step]):
            for statement in kernel.statements:
                touch(statement.node, number)
                for read in statement.reads:
                    touch(read.node, number)
    return first, last
