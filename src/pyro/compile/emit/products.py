"""Calls of BLAS for products of matrices."""

from __future__ import annotations

import functools

import torch

from pyro.compile.emit.calls import ROUTINES, SYMBOLS, letter, number, repeat
from pyro.compile.emit.values import number_text
from pyro.compile.emit.writer import Writer
from pyro.compile.gemm import DOUBLE, SINGLE, Gemm, Repeat
from pyro.compile.ir import Kind


def _gemm(
    element: str, size: int, w: Writer, pointer: str, given: list[str], results: list[str], g: Gemm
) -> None:
    """Row-major products are column-major products of the transposes, in the other order."""
    left = _moved(w, element, given[0], str(g.left.offset))
    right = _moved(w, element, given[1], str(g.right.offset))
    if g.adds:
        _clear(w, results[0], size * _span(g))
    constants = [_real(w, element, g.scale), _real(w, element, 1.0 if g.adds else 0.0)]
    letters = [letter(w, "T" if g.right.summed else "N"), letter(w, "N" if g.left.summed else "T")]
    sizes = [number(w, n) for n in (g.columns, g.rows, g.summed)]
    leads = [number(w, n) for n in (g.right.lead, g.left.lead, g.lead)]

    def one(x: str, y: str, out: str) -> None:
        operands = [
            *letters,
            *sizes,
            constants[0],
            y,
            leads[0],
            x,
            leads[1],
            constants[1],
            out,
            leads[2],
        ]
        w.line(f"call void {pointer}({', '.join(f'ptr {o}' for o in operands)})")

    def each(repeats: tuple[Repeat, ...], x: str, y: str, out: str) -> None:
        if not repeats:
            one(x, y, out)
            return
        first, *rest = repeats

        def body(index: str) -> None:
            at = [
                _moved(w, element, base, _times(w, index, step))
                for base, step in ((x, first.left), (y, first.right), (out, first.out))
            ]
            each(tuple(rest), *at)

        repeat(w, first.times, body)

    each(g.repeats, left, right, results[0])


def _span(g: Gemm) -> int:
    """Elements of the result."""
    last = (g.rows - 1) * g.lead + g.columns - 1
    return 1 + last + sum((r.times - 1) * r.out for r in g.repeats)


def _times(w: Writer, index: str, step: int) -> str:
    if step == 0:
        return "0"
    name = w.fresh("o")
    w.line(f"{name} = mul nuw nsw i64 {index}, {step}")
    return name


def _moved(w: Writer, element: str, base: str, by: str) -> str:
    """The address so many elements further on."""
    if by == "0":
        return base
    name = w.fresh("p")
    w.line(f"{name} = getelementptr inbounds {element}, ptr {base}, i64 {by}")
    return name


def _clear(w: Writer, pointer: str, count: int) -> None:
    w.module.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
    w.line(f"call void @llvm.memset.p0.i64(ptr {pointer}, i8 0, i64 {count}, i1 false)")


def _real(w: Writer, element: str, value: float) -> str:
    """The address of a real number."""
    if element == "float":
        value = float(torch.tensor(value, dtype=torch.float32))
    text = number_text(value, Kind.F)
    name = f"@{element}_{text}"
    w.module.define(name, f"{name} = private unnamed_addr constant {element} {text}")
    return name


ELEMENTS = {SINGLE: ("float", 4), DOUBLE: ("double", 8)}
for _name, (_element, _bytes) in ELEMENTS.items():
    ROUTINES[_name] = functools.partial(_gemm, _element, _bytes)
    SYMBOLS[_name] = f"{_name}_"
