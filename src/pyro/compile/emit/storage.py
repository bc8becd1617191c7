"""Which arrays need memory, and where in the scratch memory they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyro.compile.emit.space import Walk
from pyro.compile.emit.values import BYTES
from pyro.compile.fuse import LEAVES
from pyro.compile.ir import Node, Op
from pyro.compile.schedule import Fill, Kernel, Schedule, Statement

ALIGN = 64
SLACK = 64  # bytes behind each array


@dataclass
class Storage:
    """The plan of memory.

    :param needed: nodes whose elements must be in memory; others live in registers.
    :param volatile: arrays that are written more than once, which registers cannot mirror.
    :param offsets: where in the scratch memory an array begins, in bytes.
    """

    needed: set[Node] = field(default_factory=set)
    volatile: set[Node] = field(default_factory=set)
    offsets: dict[Node, int] = field(default_factory=dict)
    scratch_bytes: int = 0


def plan(schedule: Schedule, walks: dict[Kernel, Walk], outputs: list[Node]) -> Storage:
    """Decide for every stored node."""
    storage = Storage()
    home = schedule.home
    for step in schedule.steps:
        if isinstance(step, Fill):
            storage.volatile.add(home[step.node])
            storage.needed.add(home[step.node])
            if step.source.op not in LEAVES:
                storage.needed.add(home.get(step.source, step.source))
        elif isinstance(step, Statement):
            storage.needed.update(schedule.results[step.node])
            storage.needed.update(home.get(r.node, r.node) for r in step.reads)
        else:
            _kernel_needs(step, walks[step], schedule, storage)
    storage.needed.update(home.get(node, node) for node in outputs)
    storage.needed = {n for n in storage.needed if n.op not in LEAVES}
    _assign(schedule, storage, {home.get(node, node) for node in outputs})
    return storage


def is_straight(walk: Walk) -> bool:
    """Whether a kernel is written without loops."""
    return all(s.iterations == 1 for parts in walk.segments for s in parts)


def _kernel_needs(kernel: Kernel, walk: Walk, schedule: Schedule, storage: Storage) -> None:
    home = schedule.home
    straight = is_straight(walk)
    for statement in kernel.statements:
        node = statement.node
        mine = home.get(node, node)
        if not straight and mine.size > 1:
            storage.needed.add(mine)
        if node.op is Op.UPDATE and (statement.mode != "set" or node.attr.index_strides):
            storage.volatile.add(mine)
            storage.needed.add(mine)
        for node, _ in statement.reads:
            source = home.get(node, node)
            if source.size > 1 and (not straight or source in storage.needed):
                storage.needed.add(source)
        for table in _tables(statement):
            storage.needed.add(home.get(table, table))


def _tables(statement: Statement) -> set[Node]:
    """Arrays that are read at positions that only the run knows."""
    found: set[Node] = set()
    seen: set[Node] = set()
    stored = {r.node for r in statement.reads}
    waiting = [statement.node]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op is Op.MAP and node.attr[0] == "lookup":
            found.add(node.args[0].node)
        waiting.extend(
            r.node for r in node.args if r.node not in stored and r.node.op not in LEAVES
        )
    return found


def _assign(schedule: Schedule, storage: Storage, outputs: set[Node]) -> None:
    """First fit: memory of arrays that are no longer read is used again."""
    first, last = _lifetimes(schedule, storage)
    free: list[tuple[int, int]] = []  # offset, size
    ends: dict[int, list[Node]] = {}
    sizes: dict[Node, int] = {}
    for node in sorted(first, key=lambda n: first[n]):
        if node in outputs:
            continue
        for step in sorted(s for s in ends if s < first[node]):
            free.extend((storage.offsets[dead], sizes[dead]) for dead in ends.pop(step))
        size = -(-(node.size * BYTES[node.kind] + SLACK) // ALIGN) * ALIGN
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


def _lifetimes(schedule: Schedule, storage: Storage) -> tuple[dict[Node, int], dict[Node, int]]:
    home = schedule.home
    first: dict[Node, int] = {}
    last: dict[Node, int] = {}

    def touch(node: Node, step: int) -> None:
        node = home.get(node, node)
        if node in storage.needed:
            first[node] = min(first.get(node, step), step)
            last[node] = max(last.get(node, step), step)

    for number, step in enumerate(schedule.steps):
        if isinstance(step, Fill):
            touch(step.node, number)
            touch(step.source, number)
            continue
        if isinstance(step, Statement):
            for node in schedule.results[step.node]:
                touch(node, number)
        statements = step.statements if isinstance(step, Kernel) else [step]
        for statement in statements:
            touch(statement.node, number)
            for read in statement.reads:
                touch(read.node, number)
    return first, last
