"""Writes the body of one LLVM function: lines at the depth of the loop in which they belong."""

from __future__ import annotations

from itertools import count

from pyro.compile.emit.values import Value, number, type_of, vector
from pyro.compile.ir import Kind
from pyro.compile.math import LlvmModule

FLAGS = "nsz arcp contract"


class Writer:
    """Lines of text, one list per open loop; what does not move with a loop goes before it."""

    def __init__(self, module: LlvmModule) -> None:
        self.module = module
        self.names = count()
        self.levels: list[list[str]] = [[]]
        self.interface: tuple[str, ...] = ()  # inputs and outputs of the function
        self.inline = True  # whether short special functions stand where they are used
        self.width = 1  # lanes of a register
        self.entry: list[str] = []  # memory of the stack
        self.splats: dict[tuple[str, int], Value] = {}
        self.narrow: dict[str, str] = {}  # names of the same numbers in single precision

    @property
    def depth(self) -> int:
        return len(self.levels) - 1

    def fresh(self, stem: str = "v") -> str:
        return f"%{stem}{next(self.names)}"

    def line(self, text: str, depth: int | None = None) -> None:
        self.levels[self.depth if depth is None else depth].append("  " + text)

    def define(self, instruction: str, kind: Kind, width: int, depth: int) -> Value:
        """A new value, computed by an instruction at the given depth."""
        name = f"%v{next(self.names)}"
        self.levels[depth].append(f"  {name} = {instruction}")
        return Value(name, kind, width, depth)

    # ------------------------------------------------------------ lanes

    def splat(self, x: Value, width: int) -> Value:
        """``x`` in all lanes."""
        if x.width == width:
            return x
        if x.number is not None:
            return number(x.number, x.kind, width)
        known = self.splats.get((x.name, width))
        if known is not None:
            return known
        single = self.narrow.get(x.name)
        t, w = type_of(x.kind, width), type_of(x.kind, 1)
        if single is not None:
            t, w = vector("float", width), "float"
        one, name = self.fresh(), self.fresh()
        mask = f"<{width} x i32> zeroinitializer"
        self.line(f"{one} = insertelement {t} poison, {w} {single or x.name}, i64 0", x.depth)
        self.line(f"{name} = shufflevector {t} {one}, {t} poison, {mask}", x.depth)
        found = Value(name, x.kind, width, x.depth)
        if single is not None:
            found = self.extended(name, width, x.depth)
        self.splats[x.name, width] = found
        return found

    def lane(self, x: Value, position: int) -> Value:
        """One lane of ``x``."""
        if x.width == 1:
            return x
        if x.number is not None:
            return number(x.number, x.kind)
        t = type_of(x.kind, x.width)
        return self.define(f"extractelement {t} {x.name}, i64 {position}", x.kind, 1, x.depth)

    def join(self, lanes: list[Value]) -> Value:
        """A vector of scalars."""
        if len(lanes) == 1:
            return lanes[0]
        kind, width = lanes[0].kind, len(lanes)
        depth = max(x.depth for x in lanes)
        t, w = type_of(kind, width), type_of(kind, 1)
        name = "poison"
        for position, x in enumerate(lanes):
            found = self.define(
                f"insertelement {t} {name}, {w} {x.name}, i64 {position}", kind, width, depth
            )
            name = found.name
        return Value(name, kind, width, depth)

    def shuffle(self, a: Value, b: Value, lanes: list[int]) -> Value:
        """Lanes of ``a`` and ``b``, which are numbered one after the other."""
        t = type_of(a.kind, a.width)
        mask = ", ".join(f"i32 {k}" for k in lanes)
        return self.define(
            f"shufflevector {t} {a.name}, {t} {b.name}, <{len(lanes)} x i32> <{mask}>",
            a.kind,
            len(lanes),
            max(a.depth, b.depth),
        )

    def widened(self, x: Value, width: int) -> Value:
        """The lanes of ``x``, a real vector or number, and zeros behind them."""
        if x.width == width:
            return x
        t = type_of(x.kind, width)
        if x.width == 1:
            inserted = f"insertelement {t} zeroinitializer, double {x.name}, i64 0"
            return self.define(inserted, x.kind, width, x.depth)
        zeros = Value("zeroinitializer", x.kind, x.width, x.depth)
        return self.shuffle(x, zeros, [min(k, x.width) for k in range(width)])

    # ------------------------------------------------------------ instructions

    def binary(self, operation: str, x: Value, y: Value) -> Value:
        """An instruction of two operands of one type; numbers of fast-math flags for reals."""
        t = type_of(x.kind, x.width)
        flags = f" {FLAGS}" if x.kind is Kind.F else ""
        return self.define(
            f"{operation}{flags} {t} {x.name}, {y.name}", x.kind, x.width, max(x.depth, y.depth)
        )

    def compare(self, operation: str, x: Value, y: Value) -> Value:
        t = type_of(x.kind, x.width)
        return self.define(
            f"{operation} {t} {x.name}, {y.name}", Kind.B, x.width, max(x.depth, y.depth)
        )

    def rounded(self, x: Value) -> Value:
        """``x`` as single precision holds it."""
        if x.name in self.narrow:
            return x
        wide, narrow = type_of(x.kind, x.width), vector("float", x.width)
        name = self.fresh()
        self.line(f"{name} = fptrunc {wide} {x.name} to {narrow}", x.depth)
        return self.extended(name, x.width, x.depth)

    def extended(self, name: str, width: int, depth: int) -> Value:
        """A value in single precision, as one in double precision of which that is known."""
        wide, narrow = type_of(Kind.F, width), vector("float", width)
        found = self.define(f"fpext {narrow} {name} to {wide}", Kind.F, width, depth)
        self.narrow[found.name] = name
        return found

    def intrinsic(self, name: str, *arguments: Value, flags: bool = False) -> Value:
        """A call of ``llvm.name`` whose operands and result have one type."""
        x = arguments[0]
        t = type_of(x.kind, x.width)
        scalar = {Kind.F: "f64", Kind.I: "i64", Kind.B: "i1"}[x.kind]
        full = f"@llvm.{name}.{scalar if x.width == 1 else f'v{x.width}{scalar}'}"
        self.module.declare(f"declare {t} {full}({', '.join([t] * len(arguments))})")
        operands = ", ".join(f"{t} {a.name}" for a in arguments)
        return self.define(
            f"call {f'{FLAGS} ' if flags else ''}{t} {full}({operands})",
            x.kind,
            x.width,
            max(a.depth for a in arguments),
        )

    def across(self, name: str, x: Value, start: Value | None = None) -> Value:
        """``llvm.vector.reduce.name`` of the lanes."""
        t, s = type_of(x.kind, x.width), type_of(x.kind, 1)
        scalar = {Kind.F: "f64", Kind.I: "i64", Kind.B: "i1"}[x.kind]
        full = f"@llvm.vector.reduce.{name}.v{x.width}{scalar}"
        first = f"{s} {start.name}, " if start is not None else ""
        self.module.declare(f"declare {s} {full}({s + ', ' if start is not None else ''}{t})")
        flags = "reassoc nsz contract " if x.kind is Kind.F else ""
        return self.define(f"call {flags}{s} {full}({first}{t} {x.name})", x.kind, 1, x.depth)
