"""Builds nodes: equal nodes are one node, and what can be simplified never becomes a node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyro.compile import views
from pyro.compile.affine import Access, coalesce, compose, digits, refine, split
from pyro.compile.ir import Kind, Node, Op, Ref, Routine, Shape, Target, View, contiguous
from pyro.compile.not_capturable import not_capturable
from pyro.compile.rounding import Rounding
from pyro.compile.scaling import sum_apart
from pyro.compile.simplify import simplify_map, simplify_reduce, written_value

COMMUTATIVE = frozenset({"add", "mul", "maximum", "minimum", "and", "or", "xor", "eq", "ne"})
TRUTHS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "isnan", "isinf", "isfinite"})
TORCH_DTYPE = {Kind.F: torch.float64, Kind.I: torch.int64, Kind.B: torch.bool}
DTYPE_KIND = {
    torch.float64: Kind.F,
    torch.float32: Kind.F,
    torch.float16: Kind.F,
    torch.bfloat16: Kind.F,
    torch.int64: Kind.I,
    torch.int32: Kind.I,
    torch.int16: Kind.I,
    torch.int8: Kind.I,
    torch.uint8: Kind.I,
    torch.bool: Kind.B,
}


class Graph:
    """All nodes of one program, with its constants."""

    def __init__(self) -> None:
        self.rounding: Rounding | None = None  # of what torch has in float32
        self.clear()

    def clear(self) -> None:
        """Forget all nodes."""
        self.nodes: list[Node] = []
        self.constants: list[Tensor] = []
        self.write_counts: dict[Node, int] = {}  # arrays of zeros into which writes add up
        self.reciprocals: dict[Node, Node | None] = {}  # of constants, where they have some
        self._known: dict[Any, Node] = {}

    # ------------------------------------------------------------ leaves

    def input(self, position: int, shape: Shape, kind: Kind) -> View:
        size = math.prod(shape)
        if size == 0:
            return self.full(shape, 0, kind)
        return _whole(self._node(Op.INPUT, (size,), kind, (), position, size), shape)

    def shorten(self, position: int, size: int) -> None:
        """An input has only so many elements; what lies behind them is not read."""
        for node in self.nodes:
            if node.op is Op.INPUT and node.attr == position:
                node.size, node.domain = size, (size,)

    def literal(self, value: float | int | bool, kind: Kind) -> View:
        value = {Kind.F: float, Kind.I: int, Kind.B: bool}[kind](value)
        return View(self._node(Op.LITERAL, (), kind, (), _exact(value), 1), (), (), 0)

    def full(self, shape: Shape, value: float | int | bool, kind: Kind) -> View:
        return views.expand(self.literal(value, kind), shape)

    def constant(self, tensor: Tensor) -> View:
        """A tensor that does not depend on the inputs: a literal if all elements are equal."""
        kind = DTYPE_KIND[tensor.dtype]
        shape = tuple(tensor.shape)
        if tensor.numel() == 0:
            return self.full(shape, 0, kind)
        first = tensor.reshape(-1)[0]
        if tensor.numel() == 1 or bool((tensor == first).all()):
            return self.full(shape, first.item(), kind)
        kept = [slice(0, 1) if s == 0 else slice(None) for s in tensor.stride()]
        small = tensor[tuple(kept)].contiguous().to(TORCH_DTYPE[kind])
        return views.expand(self.data(small), shape)

    def data(self, tensor: Tensor) -> View:
        """An array of constants on which the code does not depend, whatever its elements are."""
        n, kind = tensor.numel(), DTYPE_KIND[tensor.dtype]
        self.constants.append(tensor)
        node = self._node(Op.DATA, (n,), kind, (), len(self.constants) - 1, n)
        return _whole(node, tuple(tensor.shape))

    def iota(self, n: int, start: int = 0) -> View:
        """``start, start + 1, ...``"""
        return self.constant(torch.arange(start, start + n))

    def elements(self, x: View) -> Tensor | None:
        """The elements of a constant; None if ``x`` is none."""
        if x.node.op is Op.LITERAL:
            return torch.full(x.shape, x.node.attr, dtype=TORCH_DTYPE[x.kind])
        if x.node.op is Op.DATA:
            data: Tensor = self.constants[x.node.attr]
            return torch.as_strided(data, x.shape, x.strides, x.offset)
        return None

    def nonzero(self, mask: View) -> list[View]:
        """The positions at which a constant mask holds, one index per dim."""
        where = self.elements(mask)
        if where is None:
            raise not_capturable("a shape depends on the value of an input: a mask is an index")
        return [self.constant(i) for i in where.nonzero(as_tuple=True)]

    # ------------------------------------------------------------ computed

    def map(self, fn: str, *arguments: View, kind: Kind | None = None, attr: Any = None) -> View:
        """``fn`` of the elements of the broadcast arguments."""
        shape = arguments[0].shape
        for a in arguments:
            if a.shape != shape:
                shape = views.broadcast_shapes(*(a.shape for a in arguments))
                arguments = tuple(views.expand(a, shape) for a in arguments)
                break
        kind = kind or (Kind.B if fn in TRUTHS else arguments[-1].kind)
        if 0 in shape:
            return self.full(shape, 0, kind)
        first = fn == "lookup"  # a table is read elsewhere, too
        for a in arguments[first:]:
            if a.node.op is Op.UPDATE:
                read = (written_value(self, a) for a in arguments[first:])
                arguments = (*arguments[:first], *read)
                break
        if (known := simplify_map(self, fn, arguments, kind)) is not None:
            return known
        return self._map(fn, arguments, shape, kind, attr)

    def _map(self, fn: str, arguments: Sequence[View], shape: Shape, kind: Kind, attr: Any) -> View:
        if not shape:
            scalars = tuple([a.ref for a in arguments])
            if fn in COMMUTATIVE and scalars[0][0].number > scalars[1][0].number:
                scalars = (scalars[1], scalars[0])
            return View(self._node(Op.MAP, (), kind, scalars, (fn, attr), 1), (), (), 0)
        moving = [d for d in range(len(shape)) if any(a.strides[d] for a in arguments)]
        used = tuple(shape[d] for d in moving)
        rows = [tuple(a.strides[d] for d in moving) for a in arguments]
        domain, rows, _ = coalesce(used, rows, (False,) * len(used))
        domain, rows = self._follow(domain, rows, arguments)
        args = tuple(Ref(a.node, row, a.offset) for a, row in zip(arguments, rows, strict=True))
        if fn in COMMUTATIVE and args[0][0].number > args[1][0].number:
            args = (args[1], args[0])
        node = self._node(Op.MAP, domain, kind, args, (fn, attr), math.prod(domain))
        units = contiguous(used)
        strides = [0] * len(shape)
        for d, unit in zip(moving, units, strict=True):
            strides[d] = unit
        return View(node, shape, tuple(strides), 0)

    def _follow(
        self, domain: Shape, rows: list[Shape], arguments: Sequence[View]
    ) -> tuple[Shape, list[Shape]]:
        """Split the domain where that lets an argument's own computation be inlined."""
        for position, a in enumerate(arguments):
            inner = a.node.domain
            if a.node.op is not Op.MAP or len(inner) < 2:
                continue
            if digits(domain, rows[position], a.offset, inner) is not None:
                continue
            parts = refine(domain, rows[position], inner)
            if parts is None:
                continue
            finer = tuple(n for sizes in parts for n in sizes)
            row = split(domain, rows[position], parts)
            if digits(finer, row, a.offset, inner) is not None:
                rows = [split(domain, r, parts) for r in rows]
                domain = finer
        return domain, rows

    def reduce(self, fn: str, x: View, dims: Sequence[int], keepdim: bool = False) -> View:
        """A reduction over dims: one of ``IDENTITY``, ``argmax`` or ``argmin``."""
        reduced = {d % len(x.shape) for d in dims} if x.shape else set()
        kept = [d for d in range(len(x.shape)) if d not in reduced]
        shape = tuple(x.shape[d] for d in kept)
        out = tuple(1 if d in reduced else n for d, n in enumerate(x.shape)) if keepdim else shape
        kind = Kind.I if fn.startswith("arg") else x.kind
        if 0 in x.shape:
            return self.full(out, IDENTITY[fn], kind)
        x = written_value(self, x)
        small, factor = simplify_reduce(self, fn, x, reduced)
        result = self._sum_apart(fn, small, reduced) or self._reduce(fn, small, reduced, kind)
        result = views.broadcast_back(result, shape)
        if factor != 1:
            result = self.map("mul", result, self.literal(factor, kind))
        return View(
            result.node, out, views.insert_dims(result.strides, reduced, keepdim), result.offset
        )

    def _sum_apart(self, fn: str, x: View, reduced: set[int]) -> View | None:
        whole = fn == "sum" and x.kind is Kind.F and len(reduced) == len(x.shape) > 0
        return sum_apart(self, x) if whole and x.numel > 1 else None

    def _reduce(self, fn: str, x: View, reduced: set[int], kind: Kind) -> View:
        """The shape of the result has size one where ``x`` does not move."""
        keep = [d for d in range(len(x.shape)) if d not in reduced]
        shape = tuple(x.shape[d] if x.strides[d] else 1 for d in keep)
        if not any(x.shape[d] > 1 for d in reduced):
            if fn.startswith("arg"):
                return self.full(shape, 0, Kind.I)
            return View(x.node, shape, tuple(x.strides[d] for d in keep), x.offset)
        moving = [d for d in range(len(x.shape)) if x.strides[d] or d in reduced]
        used = tuple(x.shape[d] for d in moving)
        flags = tuple(d in reduced for d in moving)
        domain, rows, flags = coalesce(used, [tuple(x.strides[d] for d in moving)], flags)
        parts_before = domain
        domain, rows = self._follow(domain, rows, (x,))
        if domain != parts_before:
            flags = _split_flags(parts_before, domain, flags)
        size = math.prod(n for n, flag in zip(domain, flags, strict=True) if not flag)
        first = slowest_dim(domain, Ref(x.node, rows[0], x.offset))
        if first and flags[first] and not all(flags):
            order = [first, *(d for d in range(len(domain)) if d != first)]
            domain = tuple(domain[d] for d in order)
            rows[0] = tuple(rows[0][d] for d in order)
            flags = tuple(flags[d] for d in order)
        args = (Ref(x.node, rows[0], x.offset),)
        return _whole(self._node(Op.REDUCE, domain, kind, args, (fn, flags), size), shape)

    def scan(self, fn: str, x: View, dim: int) -> View:
        """Cumulative ``sum``, ``prod``, ``max``, ``min`` or ``logaddexp`` along ``dim``."""
        if 0 in x.shape or not x.shape:
            return x
        last = len(x.shape) - 1
        x = self.copy(views.swap(x, dim, last))
        rows = x.numel // x.shape[-1]
        domain = (rows, x.shape[-1]) if rows > 1 else (x.shape[-1],)
        args = (Ref(x.node, contiguous(domain), 0),)
        node = self._node(Op.SCAN, domain, x.kind, args, (fn,), x.numel)
        return views.swap(_whole(node, x.shape), dim, last)

    def update(
        self,
        base: View,
        mode: str,
        strides: Shape,
        offset: int,
        value: View,
        indices: Sequence[tuple[View, int]] = (),
    ) -> View:
        """``base`` with ``value`` written at ``offset + strides . index + indices . steps``."""
        if value.numel == 0:
            return base
        shape = value.shape
        flat = self.copy(base) if base.node.op is not Op.LITERAL else base
        columns = [views.expand(i, shape) for i, _ in indices]
        rows = [strides, value.strides, *(c.strides for c in columns)]
        domain, rows, _ = coalesce(shape, rows, (False,) * len(shape))
        target = Target(mode, rows[0], offset, tuple(step for _, step in indices))
        back = Ref(flat.node, (0,) * len(domain), 0)
        args = (back, Ref(value.node, rows[1], value.offset)) + tuple(
            Ref(c.node, row, c.offset) for c, row in zip(columns, rows[2:], strict=True)
        )
        node = self._node(Op.UPDATE, domain, base.kind, args, target, base.numel)
        if not indices:
            self._count_writes(node, flat.node, mode)
        return _whole(node, base.shape)

    def _count_writes(self, node: Node, base: Node, mode: str) -> None:
        if base.op is Op.LITERAL and not base.attr and mode in ("add", "set"):
            self.write_counts[node] = 1
        elif base in self.write_counts and mode == "add":
            self.write_counts[node] = self.write_counts[base] + 1

    def call(self, routine: Routine, *arguments: View) -> list[View]:
        """The results of a routine, flat; the arguments are whole arrays."""
        args = tuple(Ref(self._in_memory(a).node, (), 0) for a in arguments)
        node = self._node(Op.CALL, (), Kind.F, args, routine, sum(routine.sizes))
        return [
            _whole(self._node(Op.RESULT, (n,), kind, (Ref(node, (1,), 0),), k, n), (n,))
            for k, (n, kind) in enumerate(zip(routine.sizes, routine.kinds, strict=True))
        ]

    def guard(self, truth: View, expected: bool) -> View:
        """Ends the program unless ``truth``, of one element, is as expected; nobody reads it."""
        args = (Ref(self._in_memory(truth).node, (), 0),)
        return View(
            self._node(Op.CALL, (), Kind.B, args, Routine("guard", (expected,), (), ()), 0),
            (),
            (),
            0,
        )

    def _in_memory(self, x: View) -> View:
        """Row-major elements in an array that has an address."""
        x = self.copy(x)
        return self.fresh_copy(x, -1) if x.node.op is Op.LITERAL else x

    def copy(self, x: View) -> View:
        """The same elements in a node that holds them row-major."""
        whole = x.numel == x.node.size and x.offset == 0 and views.is_contiguous(x)
        if whole and x.node.op is not Op.LITERAL:
            return _whole(x.node, x.shape)
        domain, rows, _ = coalesce(x.shape, [x.strides], (False,) * len(x.shape))
        args = (Ref(x.node, rows[0], x.offset),)
        node = self._node(Op.MAP, domain, x.kind, args, ("copy", None), x.numel)
        return _whole(node, x.shape)

    def fresh_copy(self, x: View, tag: int) -> View:
        """A copy that is no other node; ``tag`` tells copies apart."""
        domain, rows, _ = coalesce(x.shape, [x.strides], (False,) * len(x.shape))
        args = (Ref(x.node, rows[0], x.offset),)
        return _whole(self._node(Op.MAP, domain, x.kind, args, ("copy", tag), x.numel), x.shape)

    # ------------------------------------------------------------ views

    def as_strided(self, x: View, shape: Shape, strides: Shape, offset: int) -> View:
        """A strided view of the row-major elements of ``x``; copied first if it must be."""
        seen = views.as_strided(x, shape, strides, offset)
        return seen if seen is not None else views.of_whole(self.copy(x), shape, strides, offset)

    def reshape(self, x: View, shape: Shape) -> View:
        if shape == x.shape:
            return x
        return self.as_strided(x, shape, contiguous(shape), 0)

    def cast(self, x: View, kind: Kind) -> View:
        return x if x.kind is kind else self.map("cast", x, kind=kind, attr=(x.kind, kind))

    # ------------------------------------------------------------ hash-consing

    def _node(
        self, op: Op, domain: Shape, kind: Kind, args: tuple[Ref, ...], attr: Any, size: int
    ) -> Node:
        key = (op, domain, kind, args, attr)
        node = self._known.get(key)
        if node is None:
            node = Node(op, domain, kind, args, attr, len(self.nodes), size)
            self.nodes.append(node)
            self._known[key] = node
        return node


def slowest_dim(domain: Shape, ref: Ref) -> int:
    """The dim along which the array of which most is read moves farthest."""
    waiting = [(ref, Access(ref.strides, ref.offset))]
    largest, found = 0, Access((), 0)
    for _ in range(24):
        if not waiting:
            break
        ref, access = waiting.pop()
        node = ref.node
        if node.op is not Op.MAP:
            reach = sum(abs(s) * (n - 1) for s, n in zip(access.strides, domain, strict=True))
            if reach > largest:
                largest, found = reach, access
            continue
        for inner in node.args:
            composed = compose(domain, access, node.domain, Access(inner.strides, inner.offset))
            if composed is not None:
                waiting.append((inner, composed))
    moves = [abs(s) for s in found.strides]
    return moves.index(max(moves)) if moves else 0


IDENTITY: dict[str, Any] = {
    "sum": 0,
    "prod": 1,
    "max": -math.inf,
    "min": math.inf,
    "any": False,
    "all": True,
}


class _Exact(float):
    """A float that equals only itself, so that 0.0 and -0.0 (and nan) keep apart and are found."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Exact) and self.hex() == other.hex() and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self.hex())


def _exact(value: float | int | bool) -> float | int | bool:
    return _Exact(value) if isinstance(value, float) else value


def _whole(node: Node, shape: Shape) -> View:
    return View(node, shape, contiguous(shape), 0)


def _split_flags(before: Shape, after: Shape, flags: tuple[bool, ...]) -> tuple[bool, ...]:
    found: list[bool] = []
    position = 0
    for n, flag in zip(before, flags, strict=True):
        product = 1
        while product < n:
            product *= after[position]
            position += 1
            found.append(flag)
    return tuple(found)
