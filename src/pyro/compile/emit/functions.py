"""Element functions as instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyro.compile.emit.values import Value, number, type_of
from pyro.compile.emit.writer import Writer
from pyro.compile.ir import Kind
from pyro.compile.math import FUNCTIONS, LlvmBuilder, emit

Emit = Callable[..., Value]
TABLE: dict[str, Emit] = {}
INTEGER = {"add": "add", "sub": "sub", "mul": "mul", "and": "and", "or": "or", "xor": "xor"}
FLOAT = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
INTRINSICS = {
    "abs": "fabs",
    "sqrt": "sqrt",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "rint": "rint",
    "maximum": "maximum",
    "minimum": "minimum",
    "copysign": "copysign",
    "fmax": "maxnum",
    "fmin": "minnum",
}
LIBM = {"hypot": "hypot"}
PREDICATES = {"lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne"}


def known(fn: str) -> bool:
    """Whether there is an element function of this name."""
    return any(
        fn in names for names in (TABLE, FLOAT, INTEGER, INTRINSICS, PREDICATES, FUNCTIONS, LIBM)
    )


def apply(w: Writer, fn: str, attr: Any, kind: Kind, arguments: list[Value], fused: bool) -> Value:
    """The value of ``fn``; scalars among vectors are repeated in all lanes."""
    if len({a.width for a in arguments}) > 1:
        width = max(a.width for a in arguments)
        arguments = [w.splat(a, width) for a in arguments]
    if fn in TABLE:
        return TABLE[fn](w, *arguments, attr=attr, kind=kind)
    operand = arguments[0].kind
    if operand is Kind.F and fn in FLOAT:
        return w.binary(FLOAT[fn], *arguments)
    if operand is Kind.F and fn in INTRINSICS:
        return w.intrinsic(INTRINSICS[fn], *arguments)
    if fn in PREDICATES:
        return _compare(w, fn, *arguments)
    if operand is not Kind.F and fn in INTEGER:
        return w.binary(INTEGER[fn], *arguments)
    if fn in FUNCTIONS:
        return _special(w, fn, arguments, fused)
    return _libm(w, fn, arguments)


def _special(w: Writer, fn: str, arguments: list[Value], fused: bool) -> Value:
    """In place; or as a call of the function for whole registers, of which some lanes count."""
    depth, width = max(a.depth for a in arguments), arguments[0].width
    inline = FUNCTIONS[fn].inline and w.inline
    if not inline and width < w.width:
        arguments = [_widened(w, a) for a in arguments]
    lanes = arguments[0].width
    builder = LlvmBuilder(w.levels[depth], lanes, w.names, w.module, fused=fused)
    name = emit(builder, FUNCTIONS[fn], *(a.name for a in arguments), inline=inline)
    found = Value(name, Kind.F, lanes, depth)
    if lanes == width:
        return found
    return w.lane(found, 0) if width == 1 else w.shuffle(found, found, list(range(width)))


def _widened(w: Writer, x: Value) -> Value:
    """A whole register, in which the last lane is repeated."""
    if x.width == 1:
        return w.splat(x, w.width)
    return w.shuffle(x, x, [min(k, x.width - 1) for k in range(w.width)])


def alone(w: Writer, fn: str, arguments: list[Value], fused: bool) -> Value | None:
    """The value of a special function of single numbers by its shorter body, if it has one."""
    build = FUNCTIONS[fn].alone
    if build is None or not fused or not w.inline:
        return None
    depth = max(a.depth for a in arguments)
    builder = LlvmBuilder(w.levels[depth], 1, w.names, w.module, fused=True)
    return Value(build(builder, *(a.name for a in arguments)), Kind.F, 1, depth)


def _libm(w: Writer, fn: str, arguments: list[Value]) -> Value:
    """A function of the C library, lane by lane."""
    symbol = LIBM[fn]
    operands = ", ".join(["double"] * len(arguments))
    w.module.declare(f"declare double @{symbol}({operands}) nonlazybind")
    depth = max(a.depth for a in arguments)
    lanes = []
    for lane in range(arguments[0].width):
        parts = [w.lane(a, lane) for a in arguments]
        text = ", ".join(f"double {p.name}" for p in parts)
        lanes.append(w.define(f"call double @{symbol}({text})", Kind.F, 1, depth))
    return w.join(lanes)


def _compare(w: Writer, fn: str, x: Value, y: Value) -> Value:
    if x.kind is Kind.F:
        return w.compare(f"fcmp {'u' if fn == 'ne' else 'o'}{fn}", x, y)
    if fn in ("eq", "ne"):
        return w.compare(f"icmp {fn}", x, y)
    sign = "s" if x.kind is Kind.I else "u"
    return w.compare(f"icmp {sign}{fn}", x, y)


def function(name: str) -> Callable[[Emit], Emit]:
    def register(fn: Emit) -> Emit:
        TABLE[name] = fn
        return fn

    return register


@function("copy")
def _copy(w: Writer, x: Value, **_: Any) -> Value:
    return x


@function("single")
def _single(w: Writer, x: Value, **_: Any) -> Value:
    return w.rounded(x)


@function("neg")
def _neg(w: Writer, x: Value, **_: Any) -> Value:
    if x.kind is Kind.F:
        t = type_of(x.kind, x.width)
        return w.define(f"fneg {t} {x.name}", x.kind, x.width, x.depth)
    return w.binary("sub", number(0, x.kind, x.width), x)


@function("cast")
def _cast(w: Writer, x: Value, attr: tuple[Kind, Kind], **_: Any) -> Value:
    before, after = attr
    if after is Kind.B:
        zero = number(0, before, x.width)
        return w.compare("fcmp une" if before is Kind.F else "icmp ne", x, zero)
    operation = {
        (Kind.B, Kind.F): "uitofp",
        (Kind.I, Kind.F): "sitofp",
        (Kind.B, Kind.I): "zext",
        (Kind.F, Kind.I): "fptosi",
    }[attr]
    source, target = type_of(before, x.width), type_of(after, x.width)
    return w.define(f"{operation} {source} {x.name} to {target}", after, x.width, x.depth)


@function("select")
def _select(w: Writer, condition: Value, x: Value, y: Value, **_: Any) -> Value:
    c, t = type_of(Kind.B, x.width), type_of(x.kind, x.width)
    mark = w.module.unpredictable() if x.width == 1 else ""
    return w.define(
        f"select {c} {condition.name}, {t} {x.name}, {t} {y.name}{mark}",
        x.kind,
        x.width,
        max(condition.depth, x.depth, y.depth),
    )


@function("not")
def _not(w: Writer, x: Value, **_: Any) -> Value:
    return w.binary("xor", x, number(True if x.kind is Kind.B else -1, x.kind, x.width))


@function("isnan")
def _isnan(w: Writer, x: Value, **_: Any) -> Value:
    return w.compare("fcmp uno", x, x)


@function("isinf")
def _isinf(w: Writer, x: Value, **_: Any) -> Value:
    return w.compare("fcmp oeq", w.intrinsic("fabs", x), number(float("inf"), Kind.F, x.width))


@function("isfinite")
def _isfinite(w: Writer, x: Value, **_: Any) -> Value:
    return w.compare("fcmp olt", w.intrinsic("fabs", x), number(float("inf"), Kind.F, x.width))


def _integers(operation: str, intrinsic: str) -> Emit:
    """An instruction for integers where reals have an intrinsic."""

    def choose(w: Writer, x: Value, y: Value, **_: Any) -> Value:
        if x.kind is Kind.F:
            return w.intrinsic(intrinsic, x, y)
        return w.intrinsic(operation, x, y)

    return choose


TABLE["maximum"] = TABLE["fmax_i"] = _integers("smax", "maximum")
TABLE["minimum"] = _integers("smin", "minimum")
TABLE["fmax"] = _integers("smax", "maxnum")
TABLE["fmin"] = _integers("smin", "minnum")


@function("abs")
def _abs(w: Writer, x: Value, **_: Any) -> Value:
    if x.kind is Kind.F:
        return w.intrinsic("fabs", x)
    return w.intrinsic("smax", x, _neg(w, x))


@function("truncdiv")
def _truncdiv(w: Writer, x: Value, y: Value, **_: Any) -> Value:
    return w.binary("sdiv", x, y)


@function("fmod")
def _fmod(w: Writer, x: Value, y: Value, **_: Any) -> Value:
    return w.binary("frem" if x.kind is Kind.F else "srem", x, y)


@function("remainder")
def _remainder(w: Writer, x: Value, y: Value, **_: Any) -> Value:
    """The remainder with the sign of the divisor."""
    rest = _fmod(w, x, y)
    moved = w.binary("fadd" if x.kind is Kind.F else "add", rest, y)
    return _select(w, _apart(w, rest, y), moved, rest)


def _apart(w: Writer, rest: Value, y: Value) -> Value:
    """Whether a rest is not zero, and has another sign than the divisor."""
    zero = number(0, y.kind, y.width)
    signs = w.binary("xor", _compare(w, "lt", rest, zero), _compare(w, "lt", y, zero))
    return w.binary("and", _compare(w, "ne", rest, zero), signs)


@function("floordiv")
def _floordiv(w: Writer, x: Value, y: Value, **_: Any) -> Value:
    if x.kind is Kind.F:
        rest = _fmod(w, x, y)
        towards_zero = w.intrinsic("rint", w.binary("fdiv", w.binary("fsub", x, rest), y))
        below = w.binary("fsub", towards_zero, number(1.0, Kind.F, x.width))
        quotient = _select(w, _apart(w, rest, y), below, towards_zero)
        by_zero = _compare(w, "eq", y, number(0, Kind.F, x.width))
        return _select(w, by_zero, w.binary("fdiv", x, y), quotient)
    return w.binary("sdiv", w.binary("sub", x, _remainder(w, x, y)), y)
