"""Factorisations and triangular systems, by LAPACK."""

from __future__ import annotations

import math

from pyro.compile import views
from pyro.compile.ir import Kind, Routine, View
from pyro.compile.lapack import address_of
from pyro.compile.table.context import Context, row


def _cholesky(
    c: Context, a: View, *, upper: bool = False, check_errors: bool = False
) -> tuple[View, View]:
    """The factor of each matrix; nan if a matrix is not positive definite."""
    n = a.shape[-1]
    if a.numel == 0:
        return a, c.graph.full(a.shape[:-2], 0, Kind.I)
    batch = a.numel // (n * n)
    routine = Routine("cholesky", (batch, n, upper), (a.numel,), (Kind.F,))
    (factor,) = c.graph.call(routine, c.real(a))
    return c.graph.reshape(factor, a.shape), c.graph.full(a.shape[:-2], 0, Kind.I)


def _check_errors(c: Context, info: View, name: str, *, is_matrix: bool) -> tuple[()]:
    return ()


def _solve_triangular(
    c: Context, a: View, b: View, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> View:
    """``x`` of ``a x = b`` or of ``x a = b``; only a triangle of ``a`` is read."""
    rows, columns = c.shape[-2:]
    n = rows if left else columns
    lead = c.shape[:-2]
    batch = math.prod(lead)
    shared = math.prod(a.shape[:-2]) == 1
    matrix = c.graph.reshape(a, (n, n)) if shared else views.expand(a, (*lead, n, n))
    transposed = not views.is_contiguous(matrix) and views.is_contiguous(views.swap(matrix, -1, -2))
    if transposed:
        matrix = views.swap(matrix, len(matrix.shape) - 1, len(matrix.shape) - 2)
    parameters = (batch, rows, columns, upper, left, unitriangular, transposed, shared)
    routine = Routine("solve_triangular", parameters, (math.prod(c.shape),), (Kind.F,))
    (found,) = c.graph.call(routine, c.real(matrix), views.expand(c.real(b), c.shape))
    return c.graph.reshape(found, c.shape)


def _cholesky_solve(c: Context, b: View, factor: View, upper: bool = False) -> View:
    transposed = views.swap(factor, len(factor.shape) - 1, len(factor.shape) - 2)
    first, second = (transposed, factor) if upper else (factor, transposed)
    half = _solve_triangular(c, first, b, upper=False)
    return _solve_triangular(c, second, half, upper=True)


def _cholesky_inverse(c: Context, factor: View, upper: bool = False) -> View:
    if factor.numel == 0:
        return factor
    n = factor.shape[-1]
    routine = Routine(
        "cholesky_inverse", (factor.numel // (n * n), n, upper), (factor.numel,), (Kind.F,)
    )
    (found,) = c.graph.call(routine, c.real(factor))
    return c.graph.reshape(found, factor.shape)


def _triangular_solve(
    c: Context,
    b: View,
    a: View,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> tuple[View, View]:
    matrix = views.swap(a, len(a.shape) - 1, len(a.shape) - 2) if transpose else a
    found = _solve_triangular(
        c, matrix, b, upper=upper is not transpose, unitriangular=unitriangular
    )
    return found, c.graph.copy(a)


if address_of("dpotrf_") is not None and address_of("dtrsm_") is not None:
    row("linalg_cholesky_ex")(_cholesky)
    row("_linalg_check_errors")(_check_errors)
    row("linalg_solve_triangular")(_solve_triangular)
    row("cholesky_solve")(_cholesky_solve)
    row("triangular_solve")(_triangular_solve)
if address_of("dpotri_") is not None:
    row("cholesky_inverse")(_cholesky_inverse)
