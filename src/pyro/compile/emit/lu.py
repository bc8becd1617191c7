"""Factors with pivots of square matrices, and systems with them, by LAPACK; by columns."""

from __future__ import annotations

from pyro.compile.emit.calls import (
    ROUTINES,
    SYMBOLS,
    copy_doubles,
    letter,
    number,
    offset,
    repeat,
    stack,
)
from pyro.compile.emit.writer import Writer

LARGEST = 4096  # rows, for the pivots of a matrix stand on the stack


def _factor(
    w: Writer, pointer: str, arguments: list[str], results: list[str], batch: int, n: int
) -> None:
    """``a = p l u``; a pivot is the number of the row, from one, that a row was swapped with."""
    (source,), (target, pivots) = arguments, results
    info = stack(w, "i32")
    copy_doubles(w, target, source, batch * n * n)
    w.module.define("@widen_pivots", WIDEN)

    def one(index: str) -> None:
        matrix, swaps = offset(w, target, index, n * n), offset(w, pivots, index, n)
        order = number(w, n)
        operands = [order, order, matrix, order, swaps, info]
        w.line(f"call void {pointer}({', '.join(f'ptr {o}' for o in operands)})")
        w.line(f"call void @widen_pivots(ptr {swaps}, i64 {n})")

    repeat(w, batch, one)


def _solve(
    w: Writer,
    pointer: str,
    arguments: list[str],
    results: list[str],
    batch: int,
    n: int,
    columns: int,
    transposed: bool,
) -> None:
    """``x`` of ``a x = b``, or of ``a^T x = b``."""
    (factor, pivots, right), (target,) = arguments, results
    info, swaps = stack(w, "i32"), stack(w, f"[{n} x i32]")
    copy_doubles(w, target, right, batch * n * columns)
    w.module.define("@narrow_pivots", NARROW)

    def one(index: str) -> None:
        a, x = offset(w, factor, index, n * n), offset(w, target, index, n * columns)
        wide = offset(w, pivots, index, n)
        w.line(f"call void @narrow_pivots(ptr {swaps}, ptr {wide}, i64 {n})")
        order = number(w, n)
        turn = letter(w, "T" if transposed else "N")
        operands = [turn, order, number(w, columns), a, order, swaps, x, order, info]
        w.line(f"call void {pointer}({', '.join(f'ptr {o}' for o in operands)})")

    repeat(w, batch, one)


ROUTINES["lu"] = _factor
ROUTINES["lu_solve"] = _solve
SYMBOLS["lu"] = "dgetrf_"
SYMBOLS["lu_solve"] = "dgetrs_"

# LAPACK has integers of 32 bits, the program of 64: in the same memory, from the last one on.
WIDEN = """
define internal void @widen_pivots(ptr %pivots, i64 %n) nounwind {
entry:
  br label %loop
loop:
  %left = phi i64 [%n, %entry], [%i, %loop]
  %i = sub nuw nsw i64 %left, 1
  %from = getelementptr inbounds i32, ptr %pivots, i64 %i
  %small = load i32, ptr %from, align 4
  %large = sext i32 %small to i64
  %to = getelementptr inbounds i64, ptr %pivots, i64 %i
  store i64 %large, ptr %to, align 8
  %done = icmp eq i64 %i, 0
  br i1 %done, label %end, label %loop
end:
  ret void
}
"""
NARROW = """
define internal void @narrow_pivots(ptr %small, ptr %large, i64 %n) nounwind {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %from = getelementptr inbounds i64, ptr %large, i64 %i
  %value = load i64, ptr %from, align 8
  %cut = trunc i64 %value to i32
  %to = getelementptr inbounds i32, ptr %small, i64 %i
  store i32 %cut, ptr %to, align 4
  %next = add nuw nsw i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %end
end:
  ret void
}
"""
