"""The value of an element: read from an array, or computed on the spot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyro.compile.affine import Access
from pyro.compile.emit import narrow
from pyro.compile.emit.arrays import Arrays, Place
from pyro.compile.emit.functions import apply
from pyro.compile.emit.space import Index, Walk
from pyro.compile.emit.values import Value, number
from pyro.compile.emit.writer import Writer
from pyro.compile.fuse import compose_ref, identity
from pyro.compile.ir import Kind, Node, Op, Shape

Spot = tuple[Index, ...]  # one index per dim of the domain


@dataclass(frozen=True)
class Block:
    """The rows that a nest in a strip walks.

    :param symbol: the loop variable that is the first row, or None.
    :param start: the first index of the first dim, beside the symbol.
    :param multiple: indices of the first dim in a row.
    """

    symbol: str | None
    depth: int
    start: int
    multiple: int
    local: set[Node]
    carried: set[Node]


@dataclass
class Elements:
    """Values at the spots of one nest; what was computed is remembered as long as it is known.

    :param domain: the domain of the kernel.
    :param stored: nodes that are in arrays.
    :param local: nodes of this kernel, which are computed here even if they are stored.
    :param volatile: arrays that change while the program runs.
    :param fused: whether the machine has fused multiply-add.
    """

    writer: Writer
    arrays: Arrays
    domain: Shape
    walk: Walk
    stored: set[Node]
    local: set[Node]
    volatile: set[Node]
    fused: bool
    block: Block | None
    memo: dict[Any, Value] = field(default_factory=dict)
    places: dict[tuple[Access, Spot, bool], Place] = field(default_factory=dict)

    def forget(self, depth: int) -> None:
        """A loop is closed: what was computed inside is not known outside."""
        self.memo = {k: v for k, v in self.memo.items() if v.depth < depth}
        self.arrays.forget(depth)

    def place(self, access: Access, spot: Spot, node: Node | None = None) -> Place:
        """Where an access is at a spot; in an array that holds one block, from its beginning."""
        block = self.block
        is_apart = block is not None and bool(access.strides[0]) and node not in block.local
        found = self.places.get((access, spot, is_apart))
        if found is None:
            found = self._place(access, spot, block if is_apart else None)
            self.places[access, spot, is_apart] = found
        return found

    def _place(self, access: Access, spot: Spot, block: Block | None) -> Place:
        """In an array of all rows, of which ``block`` begins somewhere; or without that."""
        start, stride = access.offset, 0
        terms = []
        if block is not None:
            start += access.strides[0] * block.start
            if block.symbol is not None:
                terms.append((block.symbol, block.depth, access.strides[0] * block.multiple))
        for d, (move, index) in enumerate(zip(access.strides, spot, strict=True)):
            if not move:
                continue
            start += move * index.start
            if d == self.walk.lanes:
                stride = move
            if index.symbol is not None:
                terms.append((index.symbol, index.depth, move))
        terms.sort(key=lambda t: t[1])
        return Place(tuple(terms), start, stride)

    def value(self, node: Node, access: Access, spot: Spot) -> Value:
        """The value of a node at an access: loaded, or computed here."""
        if node.op is Op.LITERAL:
            return number(node.attr, node.kind)
        if self.computes(node, access):
            return self.element(node, access, spot)
        place = self.place(access, spot, node)
        width = spot[self.walk.lanes].width if place.stride else 1
        key = (node.number, place, width)
        found = self.memo.get(key)
        if found is None:
            changing = self.block is not None and node in self.volatile
            floor = self.block.depth if self.block is not None and changing else 0
            found = self.memo[key] = self.arrays.load(node, place, width, floor)
        return found

    def computes(self, node: Node, access: Access) -> bool:
        """Whether an element is computed in this nest rather than read."""
        if node in self.local and access == identity(node.domain):
            return True
        return node.op is Op.MAP and node not in self.stored

    def element(self, node: Node, access: Access, spot: Spot) -> Value:
        """The element function of a MAP, at an access."""
        key = self._key(node, access, spot)
        found = self.memo.get(key)
        if found is not None:
            return found
        fn, attr = node.attr
        if fn == "lookup":
            found = self._lookup(node, access, spot)
        elif fn == "single":
            found = self._rounded(node, access, spot)
        else:
            arguments = self.arguments(node, access, spot)
            found = self._chosen(fn, arguments)
            if found is None:
                found = apply(self.writer, fn, attr, node.kind, arguments, self.fused)
        return self._keep(node, key, found)

    def _chosen(self, fn: str, arguments: list[Value]) -> Value | None:
        """The value of a function that does not round, in single precision if that is enough."""
        if fn not in narrow.CHOOSING or not self.writer.narrow:
            return None
        return narrow.single(self.writer, fn, arguments)

    def _rounded(self, node: Node, access: Access, spot: Spot) -> Value:
        """The argument, rounded; or computed in single precision, where that is the same."""
        inner = node.args[0]
        fn = inner.node.attr[0] if inner.node.op is Op.MAP else None
        within = compose_ref(self.domain, access, node, inner)
        if fn in narrow.ROUNDED and within is not None and inner.node not in self.stored:
            found = narrow.single(self.writer, fn, self.arguments(inner.node, within, spot))
            if found is not None:
                return found
        return self.writer.rounded(self._argument(node, 0, access, spot))

    def arguments(self, node: Node, access: Access, spot: Spot) -> list[Value]:
        """The values of all arguments of an element function."""
        return [self._argument(node, k, access, spot) for k in range(len(node.args))]

    def remember(self, node: Node, access: Access, spot: Spot, value: Value) -> Value:
        """Have ``value`` as the element at an access from now on, as it will be in memory."""
        return self._keep(node, self._key(node, access, spot), value)

    def _keep(self, node: Node, key: Any, value: Value) -> Value:
        if node in self.stored and node in self.arrays.single:
            value = self.writer.rounded(value)
        self.memo[key] = value
        return value

    def _key(self, node: Node, access: Access, spot: Spot) -> Any:
        place = self.place(access, spot)
        width = spot[self.walk.lanes].width if place.stride else 1
        return node.number, place, width, "element"

    def _argument(self, node: Node, k: int, access: Access, spot: Spot) -> Value:
        composed = compose_ref(self.domain, access, node, node.args[k])
        if composed is None:
            raise AssertionError(f"access of {node} is not affine")
        return self.value(node.args[k].node, composed, spot)

    def _lookup(self, node: Node, access: Access, spot: Spot) -> Value:
        """Elements of a table at integer positions."""
        table = node.args[0]
        composed = compose_ref(self.domain, access, node, table)
        if composed is None:
            raise AssertionError(f"access of {node} is not affine")
        place = self.place(composed, spot)
        indices = [
            (self._argument(node, k + 1, access, spot), stride)
            for k, stride in enumerate(node.attr[1])
        ]
        width = max(i.width for i, _ in indices)
        lanes_move = self.walk.lanes >= 0 and place.stride != 0
        full = spot[self.walk.lanes].width if lanes_move else 1
        if width == 1 and (full == 1 or place.stride == 1):
            return self._looked_up(table.node, place, indices, 0, full)
        width = max(width, full)
        lanes = [
            self._looked_up(
                table.node, Place(place.terms, place.start + k * place.stride, 0), indices, k, 1
            )
            for k in range(width)
        ]
        return self.writer.join(lanes)

    def _looked_up(
        self, table: Node, place: Place, indices: list[tuple[Value, int]], lane: int, width: int
    ) -> Value:
        w = self.writer
        address, depth = self.arrays.address(table, place)
        for index, stride in indices:
            one = w.lane(index, lane)
            depth = max(depth, one.depth)
            offset = one.name
            if stride != 1:
                offset = w.define(f"mul nsw i64 {offset}, {stride}", Kind.I, 1, one.depth).name
            address = self.arrays.step(table, address, offset, depth)
        return self.arrays.load_at(address, table, width, depth)

    def position(self, place: Place, width: int) -> Value:
        """A position as an integer, the same in all lanes."""
        w = self.writer
        total = number(place.start, Kind.I)
        for symbol, depth, stride in place.terms:
            term = Value(symbol, Kind.I, 1, depth)
            if stride != 1:
                term = w.binary("mul", term, number(stride, Kind.I))
            total = w.binary("add", total, term)
        return w.splat(total, width)
