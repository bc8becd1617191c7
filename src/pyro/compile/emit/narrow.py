"""Arithmetic in single precision, where it gives what double precision gives after rounding.

For sums, differences, products, quotients and roots of numbers of float32, the result in float64
rounded to float32 is the result in float32: 53 digits are more than twice 24, and two. See Figueroa
(1995), *When is double rounding innocuous?*, SIGNUM Newsletter 30 (3).
"""

from __future__ import annotations

from collections.abc import Sequence

from pyro.compile.emit.values import Value, number_text, type_of, vector
from pyro.compile.emit.writer import Writer
from pyro.compile.float32 import is_single
from pyro.compile.ir import Kind

ROUNDED = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "sqrt": "sqrt"}
INTRINSICS = {"sqrt": "sqrt", "abs": "fabs", "maximum": "maximum", "minimum": "minimum"}
COMPARISONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
CHOOSING = frozenset({"neg", "abs", "maximum", "minimum", "select", *COMPARISONS})
"""Functions that do not round: of numbers of float32 they are one, or a truth value."""


def single(w: Writer, fn: str, arguments: Sequence[Value]) -> Value | None:
    """The value of ``fn`` in single precision; None if an argument is not known to be so.

    :param fn: one of ``ROUNDED``, whose result is rounded, or of ``CHOOSING``.
    """
    width = max(a.width for a in arguments)
    splat = [w.splat(a, width) for a in arguments]
    operands = [_operand(w, a) for a in splat]
    if None in operands:
        return None
    depth, kind = max(a.depth for a in splat), vector("float", width)
    if fn in COMPARISONS:
        left, right = operands
        return w.define(f"fcmp {COMPARISONS[fn]} {kind} {left}, {right}", Kind.B, width, depth)
    name = w.fresh()
    w.line(f"{name} = {_instruction(w, fn, kind, operands, width)}", depth)
    return w.extended(name, width, depth)


def _instruction(w: Writer, fn: str, kind: str, operands: Sequence[str | None], width: int) -> str:
    listed = ", ".join(map(str, operands))
    if fn in INTRINSICS:
        suffix = "f32" if width == 1 else f"v{width}f32"
        name = f"@llvm.{INTRINSICS[fn]}.{suffix}"
        w.module.declare(f"declare {kind} {name}({', '.join([kind] * len(operands))})")
        return f"call {kind} {name}({', '.join(f'{kind} {x}' for x in operands)})"
    if fn == "neg":
        return f"fneg {kind} {listed}"
    if fn == "select":
        condition, x, y = operands
        return f"select {type_of(Kind.B, width)} {condition}, {kind} {x}, {kind} {y}"
    return f"{ROUNDED[fn]} {kind} {listed}"


def _operand(w: Writer, x: Value) -> str | None:
    """The name, or the text, of a number of float32 or of a truth value; None if there is none."""
    if x.kind is not Kind.F:
        return x.name if x.kind is Kind.B else None
    if x.number is None:
        return w.narrow.get(x.name)
    if not is_single(x.number):
        return None
    text = number_text(x.number, Kind.F)
    return text if x.width == 1 else "<" + ", ".join([f"float {text}"] * x.width) + ">"
