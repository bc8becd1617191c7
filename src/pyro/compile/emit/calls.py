"""Calls of routines on whole arrays: LAPACK, and operations that torch executes."""

from __future__ import annotations

from collections.abc import Callable

from pyro.compile.emit.writer import Writer
from pyro.compile.ir import Routine

Emit = Callable[..., None]
ROUTINES: dict[str, Emit] = {}
SYMBOLS = {
    "cholesky": "dpotrf_",
    "cholesky_inverse": "dpotri_",
    "solve_triangular": "dtrsm_",
}


def call(
    w: Writer, routine: Routine, pointer: str, arguments: list[str], results: list[str]
) -> None:
    """Write the call. ``pointer`` is the address of the routine."""
    if routine.name in ROUTINES:
        ROUTINES[routine.name](w, pointer, arguments, results, *routine.parameters)
    else:
        _call_out(w, pointer, arguments, results)


def _call_out(w: Writer, pointer: str, arguments: list[str], results: list[str]) -> None:
    """A function of one table of addresses, which returns 0 or the program ends."""
    table = stack(w, f"[{len(arguments) + len(results)} x ptr]")
    for position, address in enumerate([*arguments, *results]):
        slot = w.fresh("s")
        w.line(f"{slot} = getelementptr inbounds ptr, ptr {table}, i64 {position}")
        w.line(f"store ptr {address}, ptr {slot}, align 8")
    code, good, n = w.fresh("r"), w.fresh("g"), next(w.names)
    w.line(f"{code} = call i32 {pointer}(ptr {table})")
    w.line(f"{good} = icmp eq i32 {code}, 0")
    w.line(f"br i1 {good}, label %good{n}, label %bad{n}")
    w.levels[-1].append(f"bad{n}:")
    w.line(f"ret i32 {code}")
    w.levels[-1].append(f"good{n}:")


def _guard(
    w: Writer, pointer: str, arguments: list[str], results: list[str], expected: bool
) -> None:
    """Goes on if the argument is as expected; otherwise the program itself computes the results."""
    value, same, code, n = w.fresh("v"), w.fresh("g"), w.fresh("r"), next(w.names)
    w.line(f"{value} = load i8, ptr {arguments[0]}, align 1")
    w.line(f"{same} = icmp eq i8 {value}, {int(expected)}")
    w.line(f"br i1 {same}, label %good{n}, label %other{n}")
    w.levels[-1].append(f"other{n}:")
    w.line(f"{code} = call i32 {pointer}({', '.join(f'ptr {p}' for p in w.interface)})")
    w.line(f"ret i32 {code}")
    w.levels[-1].append(f"good{n}:")


def stack(w: Writer, kind: str) -> str:
    """Memory of the stack, taken at the entry of the function."""
    name = w.fresh("k")
    w.entry.append(f"  {name} = alloca {kind}, align 8")
    return name


def number(w: Writer, value: int) -> str:
    """The address of a 32-bit integer, as Fortran wants it."""
    name = f"@int{value}" if value >= 0 else f"@minus{-value}"
    w.module.define(name, f"{name} = private unnamed_addr constant i32 {value}")
    return name


def letter(w: Writer, letter: str) -> str:
    name = f"@letter_{letter}"
    w.module.define(name, f"{name} = private unnamed_addr constant i8 {ord(letter)}")
    return name


def copy_doubles(w: Writer, target: str, source: str, count: int) -> None:
    w.module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    w.line(
        f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {8 * count}, i1 false)"
    )


def repeat(w: Writer, count: int, body: Callable[[str], None]) -> None:
    """``body`` for each index below ``count``; the body may have blocks of its own."""
    n = next(w.names)
    lines = w.levels[-1]
    lines += [f"  br label %pre{n}", f"pre{n}:", f"  br label %head{n}", f"head{n}:"]
    lines.append(f"  %i{n} = phi i64 [0, %pre{n}], [%next{n}, %latch{n}]")
    body(f"%i{n}")
    lines += [f"  br label %latch{n}", f"latch{n}:", f"  %next{n} = add nuw nsw i64 %i{n}, 1"]
    lines.append(f"  %more{n} = icmp ult i64 %next{n}, {count}")
    lines += [f"  br i1 %more{n}, label %head{n}, label %exit{n}", f"exit{n}:"]


def offset(w: Writer, pointer: str, index: str, unit: int) -> str:
    """``pointer + index * unit`` doubles."""
    if unit == 0:
        return pointer
    by, name = w.fresh("o"), w.fresh("p")
    w.line(f"{by} = mul nuw nsw i64 {index}, {unit}")
    w.line(f"{name} = getelementptr inbounds double, ptr {pointer}, i64 {by}")
    return name


def _in_place(mend: str, definition: str) -> Emit:
    """A routine of LAPACK that turns a triangle of a copy into another, and what mends the rest.

    A row-major lower triangle is a column-major upper one.
    """

    def emit(
        w: Writer,
        pointer: str,
        arguments: list[str],
        results: list[str],
        batch: int,
        n: int,
        upper: bool,
    ) -> None:
        (source,), (target,) = arguments, results
        info = stack(w, "i32")
        copy_doubles(w, target, source, batch * n * n)
        w.module.define(mend, definition)

        def one(index: str) -> None:
            matrix = offset(w, target, index, n * n)
            order, uplo = number(w, n), letter(w, "L" if upper else "U")
            operands = ", ".join(f"ptr {p}" for p in (uplo, order, matrix, order, info))
            w.line(f"call void {pointer}({operands})")
            failed = w.fresh("r")
            w.line(f"{failed} = load i32, ptr {info}, align 4")
            flag = "true" if upper else "false"
            w.line(f"call void {mend}(ptr {matrix}, i64 {n}, i32 {failed}, i1 {flag})")

        repeat(w, batch, one)

    return emit


def _solve_triangular(
    w: Writer,
    pointer: str,
    arguments: list[str],
    results: list[str],
    batch: int,
    rows: int,
    columns: int,
    upper: bool,
    left: bool,
    unit: bool,
    transposed: bool,
    shared: bool,
) -> None:
    """Row-major systems are column-major systems of the transposes, from the other side."""
    (matrix, right), (target,) = arguments, results
    n = rows if left else columns
    copy_doubles(w, target, right, batch * rows * columns)
    letters = [
        letter(w, "R" if left else "L"),
        letter(w, "L" if upper is not transposed else "U"),
        letter(w, "T" if transposed else "N"),
        letter(w, "U" if unit else "N"),
    ]
    one = "@one"
    w.module.define(one, f"{one} = private unnamed_addr constant double 1.0")

    def solve(index: str) -> None:
        a = offset(w, matrix, index, 0 if shared else n * n)
        x = offset(w, target, index, rows * columns)
        m, k, lda = number(w, columns), number(w, rows), number(w, n)
        operands = [*letters, m, k, one, a, lda, x, m]
        w.line(f"call void {pointer}({', '.join(f'ptr {o}' for o in operands)})")

    repeat(w, batch, solve)


ROUTINES["guard"] = _guard
ROUTINES["solve_triangular"] = _solve_triangular

# Clears the other triangle of a factor; all is nan if the matrix had none.
FIX_FACTOR = """
define internal void @fix_factor(ptr %a, i64 %n, i32 %failed, i1 %upper) nounwind {
entry:
  %bad = icmp ne i32 %failed, 0
  br label %rows
rows:
  %i = phi i64 [0, %entry], [%i1, %rowend]
  %base = mul i64 %i, %n
  br label %columns
columns:
  %j = phi i64 [0, %rows], [%j1, %skip]
  %above = icmp ugt i64 %j, %i
  %below = icmp ult i64 %j, %i
  %other = select i1 %upper, i1 %below, i1 %above
  %touch = or i1 %bad, %other
  br i1 %touch, label %write, label %skip
write:
  %value = select i1 %bad, double 0x7FF8000000000000, double 0.0
  %at = add i64 %base, %j
  %p = getelementptr inbounds double, ptr %a, i64 %at
  store double %value, ptr %p, align 8
  br label %skip
skip:
  %j1 = add nuw nsw i64 %j, 1
  %more = icmp ult i64 %j1, %n
  br i1 %more, label %columns, label %rowend
rowend:
  %i1 = add nuw nsw i64 %i, 1
  %again = icmp ult i64 %i1, %n
  br i1 %again, label %rows, label %done
done:
  ret void
}
"""

# Fills the other triangle of a symmetric matrix; all is nan if there is no such matrix.
FIX_SYMMETRIC = """
define internal void @fix_symmetric(ptr %a, i64 %n, i32 %failed, i1 %upper) nounwind {
entry:
  %bad = icmp ne i32 %failed, 0
  br label %rows
rows:
  %i = phi i64 [0, %entry], [%i1, %rowend]
  %base = mul i64 %i, %n
  br label %columns
columns:
  %j = phi i64 [0, %rows], [%j1, %columns]
  %below = add i64 %base, %j
  %column = mul i64 %j, %n
  %above = add i64 %column, %i
  %there = select i1 %upper, i64 %above, i64 %below
  %other = select i1 %upper, i64 %below, i64 %above
  %p = getelementptr inbounds double, ptr %a, i64 %there
  %q = getelementptr inbounds double, ptr %a, i64 %other
  %known = load double, ptr %p, align 8
  %value = select i1 %bad, double 0x7FF8000000000000, double %known
  store double %value, ptr %p, align 8
  store double %value, ptr %q, align 8
  %j1 = add nuw nsw i64 %j, 1
  %more = icmp ule i64 %j1, %i
  br i1 %more, label %columns, label %rowend
rowend:
  %i1 = add nuw nsw i64 %i, 1
  %again = icmp ult i64 %i1, %n
  br i1 %again, label %rows, label %done
done:
  ret void
}
"""

ROUTINES["cholesky"] = _in_place("@fix_factor", FIX_FACTOR)
ROUTINES["cholesky_inverse"] = _in_place("@fix_symmetric", FIX_SYMMETRIC)
