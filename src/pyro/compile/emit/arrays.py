"""Loads and stores: arrays in memory, and small arrays that stay in registers."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from pyro.compile.emit.values import Value, memory_of, type_of, vector
from pyro.compile.emit.writer import Writer
from pyro.compile.ir import Kind, Node

_OF_SIZE = {1: "i8", 4: "float", 8: "double"}
Terms = tuple[tuple[str, int, int], ...]


class Place(NamedTuple):
    """A position in an array: a symbolic part, then a number of elements.

    :param terms: loop variables with their depths and strides.
    """

    terms: Terms
    start: int
    stride: int  # from lane to lane


@dataclass
class Arrays:
    """Where the elements of each node are.

    :param home: for a write, the node whose array it goes into.
    :param single: nodes whose arrays are in single precision.
    :param pointers: names of pointers, for the nodes that are in memory of their own.
    :param offsets: where others begin in the scratch memory, in bytes.
    :param brief: whether these are found from the one address of that memory, which is short but
        not always as quick as pointers of their own.
    :param own: names of those, for arrays that have been met.
    """

    writer: Writer
    home: dict[Node, Node]
    single: Set[Node]
    pointers: dict[Node, str] = field(default_factory=dict)
    offsets: dict[Node, int] = field(default_factory=dict)
    brief: bool = False
    own: dict[Node, str] = field(default_factory=dict)
    registers: dict[Node, dict[int, Value]] = field(default_factory=dict)
    addresses: dict[tuple[str, int, Terms], tuple[str, int]] = field(default_factory=dict)
    products: dict[tuple[str, int], str] = field(default_factory=dict)

    # ------------------------------------------------------------ memory

    def address(self, node: Node, place: Place) -> tuple[str, int]:
        """The address of the first lane, and the depth at which it is known."""
        node = self.home.get(node, node)
        _, size = memory_of(node, self.single)
        root, ahead = self._root(node)
        base, depth = self._moved(root, size, place.terms)
        ahead += place.start * size
        return (self._ahead(base, ahead, depth) if ahead else base), depth

    def _root(self, node: Node) -> tuple[str, int]:
        """A pointer, and the bytes from there to an array."""
        known = self.pointers.get(node) or (None if self.brief else self.own.get(node))
        if known is not None:
            return known, 0
        offset = self.offsets[node]
        if self.brief or not offset:
            return "%scratch", offset
        self.own[node] = self._ahead("%scratch", offset, 0)
        return self.own[node], 0

    def pointer(self, node: Node) -> str:
        """The address of an array as a whole, at the innermost level that is open."""
        known = self.pointers.get(node)
        if known is not None:
            return known
        offset = self.offsets[node]
        return self._ahead("%scratch", offset, self.writer.depth) if offset else "%scratch"

    def _ahead(self, base: str, size: int, depth: int) -> str:
        """The address some bytes further on, which an instruction adds for nothing."""
        name = self.writer.fresh("p")
        self.writer.line(f"{name} = getelementptr inbounds i8, ptr {base}, i64 {size}", depth)
        return name

    def forget(self, depth: int) -> None:
        """A loop is closed: addresses inside of it are not known outside."""
        for key in [k for k, (_, at) in self.addresses.items() if at >= depth]:
            del self.addresses[key]

    def _moved(self, pointer: str, size: int, terms: Terms) -> tuple[str, int]:
        """A pointer to elements of some bytes, moved by loop variables."""
        if not terms:
            return pointer, 0
        known = self.addresses.get((pointer, size, terms))
        if known is not None:
            return known
        before, _ = self._moved(pointer, size, terms[:-1])
        symbol, depth, stride = terms[-1]
        name, by = self.writer.fresh("p"), self._times(symbol, depth, stride)
        element = _OF_SIZE[size]
        self.writer.line(
            f"{name} = getelementptr inbounds {element}, ptr {before}, i64 {by}", depth
        )
        self.addresses[pointer, size, terms] = name, depth
        return name, depth

    def _times(self, symbol: str, depth: int, stride: int) -> str:
        """A multiple of a loop variable."""
        if stride == 1:
            return symbol
        known = self.products.get((symbol, stride))
        if known is None:
            known = self.writer.define(f"mul nsw i64 {symbol}, {stride}", Kind.I, 1, depth).name
            self.products[symbol, stride] = known
        return known

    def step(self, node: Node, base: str, by: str, depth: int) -> str:
        """The address ``by`` elements of an array further on."""
        name = self.writer.fresh("p")
        element, _ = memory_of(node, self.single)
        self.writer.line(f"{name} = getelementptr inbounds {element}, ptr {base}, i64 {by}", depth)
        return name

    def load(self, node: Node, place: Place, width: int, floor: int = 0) -> Value:
        """Elements of an array, read at the loop level ``floor`` or deeper."""
        node = self.home.get(node, node)
        if not place.terms and node in self.registers:
            found = self._from_registers(node, place, width)
            if found is not None:
                return found
        if width == 1 or place.stride == 1:
            address, depth = self.address(node, place)
            return self.load_at(address, node, width, max(depth, floor))
        lanes = []
        for k in range(width):
            lane = Place(place.terms, place.start + k * place.stride, 0)
            address, depth = self.address(node, lane)
            lanes.append(self.load_at(address, node, 1, max(depth, floor)))
        return self.writer.join(lanes)

    def load_at(self, address: str, node: Node, width: int, depth: int) -> Value:
        w, kind = self.writer, node.kind
        element, align = memory_of(node, self.single)
        t, target = vector(element, width), type_of(kind, width)
        load = f"load {t}, ptr {address}, align {align}"
        if t == target:
            return w.define(load, kind, width, depth)
        name = w.fresh()
        w.line(f"{name} = {load}", depth)
        if kind is Kind.F:
            return w.extended(name, width, depth)
        zero = "zeroinitializer" if width > 1 else "0"
        return w.define(f"icmp ne {t} {name}, {zero}", kind, width, depth)

    def store(self, node: Node, place: Place, value: Value) -> None:
        """Write at the innermost level that is open."""
        if value.width > 1 and place.stride != 1:
            for k in range(value.width):
                lane = Place(place.terms, place.start + k * place.stride, 0)
                self.store(node, lane, self.writer.lane(value, k))
            return
        address, _ = self.address(node, place)
        self.store_at(address, node, value)

    def store_at(self, address: str, node: Node, value: Value) -> None:
        w = self.writer
        element, align = memory_of(node, self.single)
        t, source = vector(element, value.width), type_of(value.kind, value.width)
        name = value.name
        if t != source and element == "float" and value.name in w.narrow:
            name = w.narrow[value.name]
        elif t != source:
            name = w.fresh()
            convert = "fptrunc" if value.kind is Kind.F else "zext"
            w.line(f"{name} = {convert} {source} {value.name} to {t}")
        w.line(f"store {t} {name}, ptr {address}, align {align}")

    # ------------------------------------------------------------ registers

    def keep(self, node: Node, start: int, stride: int, value: Value) -> None:
        """Remember elements of a small array without memory."""
        chunks = self.registers.setdefault(node, {})
        if value.width == 1 or stride == 1:
            chunks[start] = value
            return
        for k in range(value.width):
            chunks[start + k * stride] = self.writer.lane(value, k)

    def _from_registers(self, node: Node, place: Place, width: int) -> Value | None:
        chunks = self.registers[node]
        whole = chunks.get(place.start)
        if whole is not None and whole.width == width and (width == 1 or place.stride == 1):
            return whole
        positions = [place.start + k * place.stride for k in range(width)]
        if any(_chunk(chunks, p) is None for p in positions):
            return None
        if width > 1 and (found := self._shuffled(chunks, positions)) is not None:
            return found
        return self.writer.join([self._element(chunks, p) for p in positions])

    def _element(self, chunks: dict[int, Value], position: int) -> Value:
        start, value = _chunk(chunks, position) or (position, chunks[position])
        return self.writer.lane(value, position - start)

    def _shuffled(self, chunks: dict[int, Value], positions: Sequence[int]) -> Value | None:
        """One shuffle of two vectors of the same width, if that is enough."""
        found = [chunk for p in positions if (chunk := _chunk(chunks, p)) is not None]
        starts = sorted({start for start, _ in found})
        widths = {value.width for _, value in found}
        if len(starts) > 2 or len(widths) != 1 or widths == {1}:
            return None
        (width,) = widths
        a, b = chunks[starts[0]], chunks[starts[-1]]
        if a.number is not None or b.number is not None:
            return None
        lanes = [
            p - start + (width if start != starts[0] else 0)
            for p, (start, _) in zip(positions, found, strict=True)
        ]
        return self.writer.shuffle(a, b, lanes)


def _chunk(chunks: dict[int, Value], position: int) -> tuple[int, Value] | None:
    """The vector in which an element is."""
    for back in range(16):
        value = chunks.get(position - back)
        if value is not None and value.width > back:
            return position - back, value
    return None
