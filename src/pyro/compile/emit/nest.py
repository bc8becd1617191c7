"""Writes the loop nest of one kernel."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyro.compile.affine import Access
from pyro.compile.emit.accumulators import Accumulators
from pyro.compile.emit.arrays import Arrays, Place
from pyro.compile.emit.combine import COMBINE, START, across, better, sums_of_rows
from pyro.compile.emit.elements import Block, Elements, Spot
from pyro.compile.emit.functions import apply
from pyro.compile.emit.lanes import reduced_flags, target_strides
from pyro.compile.emit.packs import compute_packed
from pyro.compile.emit.space import Index, Walk
from pyro.compile.emit.values import Value, number, type_of
from pyro.compile.emit.writer import Writer
from pyro.compile.fuse import identity
from pyro.compile.ir import Kind, Node, Op
from pyro.compile.schedule import Kernel, Statement


@dataclass
class Nest:
    """One kernel being written.

    :param in_memory: whether a node must be written to memory.
    :param home: the node whose array a write goes into.
    :param width: lanes of a vector register.
    """

    writer: Writer
    arrays: Arrays
    kernel: Kernel
    walk: Walk
    stored: set[Node]
    in_memory: Callable[[Node], bool]
    home: dict[Node, Node]
    fused: bool
    volatile: set[Node]
    width: int
    block: Block | None = None
    masks: dict[str | None, Value] = field(default_factory=dict)
    accumulators: Accumulators = field(init=False)
    elements: Elements = field(init=False)

    def __post_init__(self) -> None:
        self.accumulators = Accumulators(self.writer)
        self.elements = Elements(
            self.writer,
            self.arrays,
            self.kernel.domain,
            self.walk,
            self.stored,
            {s.node for s in self.kernel.statements if s.node.op is Op.MAP},
            self.volatile,
            self.fused,
            self.block,
        )
        self.flags = [reduced_flags(s) for s in self.kernel.statements]
        self.inner = [self._boundary(flags) for flags in self.flags]
        self.options: list[tuple[Index, ...]] = [()] * len(self.kernel.domain)

    def _boundary(self, flags: tuple[bool, ...]) -> int:
        """The position in the order of loops from which on all dims are reduced."""
        position = len(self.walk.order)
        while position and flags[self.walk.order[position - 1]]:
            position -= 1
        return position

    def write(self) -> None:
        if not self.kernel.domain:
            compute_packed(self.elements, self.kernel.statements, self.width)
        self._level(0)

    def _level(self, position: int) -> None:
        if position == len(self.walk.order):
            self._body()
        else:
            d = self.walk.order[position]
            for segment in self.walk.segments[d]:
                if segment.iterations == 1:
                    self.options[d] = tuple(
                        Index(None, 0, segment.start + s.start, s.width) for s in segment.steps
                    )
                    self._level(position + 1)
                    continue
                loop = self.accumulators.open()
                self.options[d] = tuple(
                    Index(loop.symbol, loop.depth, s.start, s.width) for s in segment.steps
                )
                self._level(position + 1)
                self.accumulators.close(loop, segment, self.walk.brief)
                self.elements.forget(loop.depth)
        self._finish(position)

    # ------------------------------------------------------------ the body

    def _body(self) -> None:
        spots = list(itertools.product(*self.options))
        for which, statement in enumerate(self.kernel.statements):
            for spot in spots:
                self._one(which, statement, spot)

    def _one(self, which: int, statement: Statement, spot: Spot) -> None:
        node = statement.node
        if node.op is Op.REDUCE:
            self._accumulate(which, node, spot)
        elif node.op is Op.SCAN:
            self._scan(which, node, spot)
        elif node.op is Op.UPDATE:
            self._update(statement, spot)
        else:
            value = self._widened(self.elements.element(node, identity(node.domain), spot), spot)
            self._put(node, identity(node.domain), spot, value)

    def _widened(self, value: Value, spot: Spot) -> Value:
        """One lane per position along the dim of the lanes."""
        width = spot[self.walk.lanes].width if self.walk.lanes >= 0 else 1
        return self.writer.splat(value, width)

    def _put(self, node: Node, access: Access, spot: Spot, value: Value) -> None:
        place = self.elements.place(access, spot, node)
        if not place.terms and node not in self.volatile:
            self.arrays.keep(node, place.start, place.stride, value)
        if self.in_memory(node):
            self.arrays.store(node, place, value)

    def _update(self, statement: Statement, spot: Spot) -> None:
        node, target = statement.node, statement.node.attr
        home = self.home[node]
        value = self._widened(self.elements.value(node.args[1].node, _access(node, 1), spot), spot)
        access = Access(target.strides, target.offset)
        if not target.index_strides and statement.mode == "set":
            self._put(home, access, spot, value)
            return
        place = self.elements.place(access, spot)
        indices = [
            (self.elements.value(node.args[k + 2].node, _access(node, k + 2), spot), stride)
            for k, stride in enumerate(target.index_strides)
        ]
        for lane in range(value.width) if place.stride != 1 or _many(indices) else [None]:
            self._write_at(home, statement.mode, place, indices, value, lane)

    def _write_at(
        self,
        home: Node,
        mode: str,
        place: Place,
        indices: list[tuple[Value, int]],
        value: Value,
        lane: int | None,
    ) -> None:
        w = self.writer
        if lane is not None:
            value = w.lane(value, lane)
            place = Place(place.terms, place.start + lane * place.stride, 0)
        address, _ = self.arrays.address(home, place)
        for index, stride in indices:
            one = w.lane(index, lane or 0)
            address = self._moved(home, address, one, stride)
        if mode != "set":
            before = self.arrays.load_at(address, home, value.width, w.depth)
            value = COMBINE[mode](w, before, value._replace(depth=w.depth))
        self.arrays.store_at(address, home, value)

    def _moved(self, node: Node, address: str, index: Value, stride: int) -> str:
        w = self.writer
        offset = index.name
        if stride != 1:
            offset = w.define(f"mul nsw i64 {offset}, {stride}", Kind.I, 1, w.depth).name
        return self.arrays.step(node, address, offset, w.depth)

    # ------------------------------------------------------------ reductions

    def _accumulate(self, which: int, node: Node, spot: Spot) -> None:
        fn = node.attr[0]
        value = self._widened(self.elements.value(node.args[0].node, _access(node, 0), spot), spot)
        birth = self._birth(which)
        if fn.startswith("arg"):
            self._arg(which, node, spot, value, birth)
            return
        key = (which, self._chain(spot, self.flags[which]))
        start = number(START[fn, value.kind], value.kind, value.width)
        value = self._once(which, spot, value, start)
        known = key in self.accumulators.current
        before = self.accumulators.get(key, start, birth)
        if not known and before is start:
            self.accumulators.set(key, value)  # written out: nothing to add to
            return
        self.accumulators.set(key, COMBINE[fn](self.writer, before, value))

    def _once(self, which: int, spot: Spot, value: Value, start: Value) -> Value:
        """Lanes that the vector before has had count for nothing."""
        lanes = self.walk.lanes
        if lanes < 0 or not self.flags[which][lanes] or spot[lanes].symbol is None:
            return value
        segment = self.walk.segments[lanes][0]
        if not segment.repeated:
            return value
        w, index = self.writer, spot[lanes]
        mask = self.masks.get(index.symbol)
        if mask is None:
            early = w.define(f"icmp ne i64 {index.symbol}, {segment.last}", Kind.B, 1, index.depth)
            flags = ", ".join(f"i1 {int(k >= segment.repeated)}" for k in range(index.width))
            every, t = w.splat(early, index.width), type_of(Kind.B, index.width)
            mask = w.define(f"or {t} {every.name}, <{flags}>", Kind.B, index.width, index.depth)
            self.masks[index.symbol] = mask
        return apply(w, "select", None, value.kind, [mask, value, start], self.fused)

    def _chain(self, spot: Spot, flags: tuple[bool, ...]) -> tuple[tuple[int, int], ...]:
        """Which accumulator an instance adds to: along reduced dims they take turns."""
        chains = self.walk.chains
        return tuple(
            (i.start // i.width % chains, i.width) if flag else (i.start, i.width)
            for i, flag in zip(spot, flags, strict=True)
        )

    def _birth(self, which: int) -> int:
        """The level of loops in which the accumulators of a statement start."""
        outer = self.walk.order[: self.inner[which]]
        return max((i.depth for d in outer for i in self.options[d]), default=0)

    def _arg(self, which: int, node: Node, spot: Spot, value: Value, birth: int) -> None:
        flags = node.attr[1]
        kept = tuple(i for i, f in zip(spot, flags, strict=True) if not f)
        reduced = tuple(n for n, f in zip(node.domain, flags, strict=True) if f)
        units = iter(identity(reduced).strides)
        strides = tuple(next(units) if f else 0 for f in flags)
        index = self.elements.position(self.elements.place(Access(strides, 0), spot), value.width)
        fn = "max" if node.attr[0] == "argmax" else "min"
        first = number(START[fn, value.kind], value.kind, value.width)
        best = self.accumulators.get((which, _names(kept), "value"), first, birth)
        at = self.accumulators.get(
            (which, _names(kept), "index"), number(0, Kind.I, value.width), birth
        )
        new_best, new_at = better(self.writer, fn, best, at, value, index)
        self.accumulators.set((which, _names(kept), "value"), new_best)
        self.accumulators.set((which, _names(kept), "index"), new_at)

    def _scan(self, which: int, node: Node, spot: Spot) -> None:
        fn = node.attr[0]
        value = self.elements.value(node.args[0].node, _access(node, 0), spot)
        key = (which, _names(spot[:-1]))
        birth = max((i.depth for i in spot[:-1]), default=0)
        start = number(START[fn, value.kind], value.kind)
        before = self.accumulators.get(key, start, birth)
        total = COMBINE[fn](self.writer, before, value)
        self.accumulators.set(key, total)
        self._put(node, identity(node.domain), spot, total)

    def _finish(self, position: int) -> None:
        """All loops over reduced dims are done: store the results."""
        for which, statement in enumerate(self.kernel.statements):
            node = statement.node
            if node.op is Op.SCAN and position == len(node.domain) - 1:
                for key in [k for k in self.accumulators.current if k[0] == which]:  # type: ignore[index]
                    self.accumulators.take(key)
            if node.op is not Op.REDUCE or self.inner[which] != position:
                continue
            flags = self.flags[which]
            access = Access(target_strides(statement), 0)
            kept = [
                [Index(None, 0, 0, 1)] if f else list(options)
                for f, options in zip(flags, self.options, strict=True)
            ]
            spots = list(itertools.product(*kept))
            if self._transposed(which, node, spots, access):
                continue
            for spot in spots:
                total = self._total(which, node, spot, flags)
                if self.block is not None and node in self.block.carried:
                    total = self._carry(node, access, spot, total)
                self._put(node, access, spot, total)

    def _transposed(self, which: int, node: Node, spots: list[Spot], access: Access) -> bool:
        """Sums of neighbours are added across lanes in one go."""
        lanes = self.walk.lanes
        if (
            node.attr[0] != "sum"
            or node.kind is not Kind.F
            or lanes < 0
            or not self.flags[which][lanes]
        ):
            return False
        parts = [
            [k for k in self.accumulators.current if self._belongs(k, which, s)] for s in spots
        ]
        places = [self.elements.place(access, s, node) for s in spots]
        neighbours = all(
            p.terms == places[0].terms and p.start == places[0].start + k
            for k, p in enumerate(places)
        )
        rows = [[self.accumulators.current[k] for k in part] for part in parts]
        if (
            not neighbours
            or any(v.number is not None for row in rows for v in row)
            or (self.block is not None and node in self.block.carried)
        ):
            return False
        total = sums_of_rows(self.writer, rows)
        if total is None:
            return False
        for key in itertools.chain.from_iterable(parts):
            self.accumulators.take(key)
        place = Place(places[0].terms, places[0].start, 1)
        if not place.terms and node not in self.volatile:
            self.arrays.keep(node, place.start, 1, total)
        if self.in_memory(node):
            self.arrays.store(node, place, total)
        return True

    def _belongs(self, key: Any, which: int, spot: Spot) -> bool:
        """Whether an accumulator is part of the result at a kept spot."""
        flags = self.flags[which]
        return key[0] == which and all(
            flag or name == (i.start, i.width)
            for name, i, flag in zip(key[1], spot, flags, strict=True)
        )

    def _carry(self, node: Node, access: Access, spot: Spot, total: Value) -> Value:
        """Add what the blocks before have given."""
        place = self.elements.place(access, spot, node)
        before = self.arrays.load(node, place, total.width, self.writer.depth)
        return COMBINE[node.attr[0]](self.writer, before, total._replace(depth=self.writer.depth))

    def _total(self, which: int, node: Node, spot: Spot, flags: tuple[bool, ...]) -> Value:
        current = self.accumulators.current
        place = tuple(i for i, f in zip(spot, flags, strict=True) if not f)
        if node.attr[0].startswith("arg"):
            self.accumulators.take((which, _names(place), "value"))
            return self.accumulators.take((which, _names(place), "index"))
        mine = [key for key in current if self._belongs(key, which, spot)]
        fn = node.attr[0]
        across_lanes = self.walk.lanes >= 0 and flags[self.walk.lanes]
        parts = [self.accumulators.take(key) for key in mine]
        while len(parts) > 1 and any(a.width == b.width for a, b in itertools.pairwise(parts)):
            parts = _halved(self.writer, fn, parts)
        if across_lanes:
            parts = [across(self.writer, fn, p) for p in parts]
        while len(parts) > 1:
            parts = [COMBINE[fn](self.writer, parts[0], parts[1]), *parts[2:]]
        return parts[0]


def _access(node: Node, k: int) -> Access:
    return Access(node.args[k].strides, node.args[k].offset)


def _names(spot: Spot) -> tuple[tuple[int, int], ...]:
    """What tells instances of one body apart."""
    return tuple((i.start, i.width) for i in spot)


def _many(indices: list[tuple[Value, int]]) -> bool:
    return any(value.width > 1 for value, _ in indices)


def _halved(w: Writer, fn: str, parts: list[Value]) -> list[Value]:
    """Neighbours of equal width combined."""
    found: list[Value] = []
    parts = sorted(parts, key=lambda p: -p.width)
    while parts:
        a = parts.pop(0)
        if parts and parts[0].width == a.width:
            a = COMBINE[fn](w, a, parts.pop(0))
        found.append(a)
    return found


__all__ = ["Nest", "type_of"]
