"""How reductions put two values together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pyro.compile.emit.functions import apply
from pyro.compile.emit.values import Value, number
from pyro.compile.emit.writer import Writer
from pyro.compile.ir import Kind

Combine = Callable[[Writer, Value, Value], Value]
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1

START: dict[tuple[str, Kind], Any] = {
    ("sum", Kind.F): 0.0,
    ("sum", Kind.I): 0,
    ("prod", Kind.F): 1.0,
    ("prod", Kind.I): 1,
    ("max", Kind.F): -math.inf,
    ("max", Kind.I): _LOWEST,
    ("min", Kind.F): math.inf,
    ("min", Kind.I): _HIGHEST,
    ("any", Kind.B): False,
    ("all", Kind.B): True,
    ("max", Kind.B): False,
    ("min", Kind.B): True,
    ("logaddexp", Kind.F): -math.inf,
}


def _by(fn: str) -> Combine:
    def combine(w: Writer, x: Value, y: Value) -> Value:
        return apply(w, fn, None, x.kind, [x, y], True)

    return combine


COMBINE: dict[str, Combine] = {
    "sum": _by("add"),
    "add": _by("add"),
    "prod": _by("mul"),
    "mul": _by("mul"),
    "max": _by("maximum"),
    "min": _by("minimum"),
    "any": _by("or"),
    "all": _by("and"),
    "logaddexp": _by("logaddexp"),
    "set": lambda w, x, y: y,
}
_ACROSS = {
    ("sum", Kind.F): "fadd",
    ("prod", Kind.F): "fmul",
    ("max", Kind.F): "fmaximum",
    ("min", Kind.F): "fminimum",
    ("sum", Kind.I): "add",
    ("prod", Kind.I): "mul",
    ("max", Kind.I): "smax",
    ("min", Kind.I): "smin",
    ("any", Kind.B): "or",
    ("all", Kind.B): "and",
}


def across(w: Writer, fn: str, x: Value) -> Value:
    """All lanes of ``x`` put together."""
    if x.width == 1:
        return x
    if x.number is not None:
        x = x._replace(number=None)
    name = _ACROSS[fn, x.kind]
    starts = {"fadd": -0.0, "fmul": 1.0}
    start = number(starts[name], Kind.F) if name in starts else None
    return w.across(name, x, start)


def better(
    w: Writer, fn: str, best: Value, at: Value, value: Value, index: Value
) -> tuple[Value, Value]:
    """The new extremum and its position: nan wins, and of equals the first."""
    beats = apply(w, "gt" if fn == "max" else "lt", None, Kind.B, [value, best], True)
    if value.kind is Kind.F:
        new = apply(w, "isnan", None, Kind.B, [value], True)
        old = apply(w, "isnan", None, Kind.B, [best], True)
        fresh = apply(
            w, "and", None, Kind.B, [new, apply(w, "not", None, Kind.B, [old], True)], True
        )
        beats = apply(w, "or", None, Kind.B, [beats, fresh], True)
    return (
        apply(w, "select", None, value.kind, [beats, value, best], True),
        apply(w, "select", None, Kind.I, [beats, index, at], True),
    )


def sums_of_rows(w: Writer, rows: list[list[Value]]) -> Value | None:
    """Lane ``k`` of the result is the sum of all lanes of the parts of row ``k``.

    None if there are not 2, 4 or 8 rows, or a row has no vector of as many lanes.
    """
    width = max(part.width for part in rows[0])
    if len(rows) not in (2, 4, 8) or width < len(rows):
        return None
    vectors = [_one_vector(w, parts, width) for parts in rows]
    while width > len(rows):
        width //= 2
        low, high = list(range(width)), list(range(width, 2 * width))
        vectors = [w.binary("fadd", w.shuffle(v, v, low), w.shuffle(v, v, high)) for v in vectors]
    return transposed_sum(w, vectors)


def _one_vector(w: Writer, parts: list[Value], width: int) -> Value:
    """The sum of vectors, the shorter ones with zeros behind them."""
    total, *others = sorted(parts, key=lambda p: -p.width)
    for part in others:
        total = w.binary("fadd", total, w.widened(part, width))
    return total


def transposed_sum(w: Writer, vectors: list[Value]) -> Value:
    """Lane ``k`` of the result is the sum of the lanes of vector ``k``."""
    width = len(vectors)
    half = 1
    while len(vectors) > 1:
        if width == 4 and half == 1:
            even, odd = [0, 4, 2, 6], [1, 5, 3, 7]
        elif width == 4:
            even, odd = [0, 1, 4, 5], [2, 3, 6, 7]
        else:
            even, odd = list(range(0, 2 * width, 2)), list(range(1, 2 * width, 2))
        vectors = [
            w.binary("fadd", w.shuffle(a, b, even), w.shuffle(a, b, odd))
            for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        half *= 2
    return vectors[0]
