"""Factors with pivots of square matrices, and what is solved with them, by LAPACK."""

from __future__ import annotations

import math

from pyro.compile import views
from pyro.compile.emit.lu import LARGEST
from pyro.compile.ir import Kind, Routine, View
from pyro.compile.lapack import address_of
from pyro.compile.table.context import Context, NoRow, row


def _columns(c: Context, x: View) -> View:
    """The elements of each matrix by columns."""
    return c.graph.copy(_turned(c.real(x)))


def _turned(x: View) -> View:
    return views.swap(x, len(x.shape) - 1, len(x.shape) - 2)


def _factor(
    c: Context, a: View, *, pivot: bool = True, check_errors: bool = False
) -> tuple[View, View, View]:
    """``a = p l u``; a singular matrix has a zero on the diagonal of ``u``."""
    n = a.shape[-1]
    if a.shape[-2] != n or n > LARGEST or not pivot:
        raise NoRow("only square matrices of moderate size are factored, with pivots")
    info = c.graph.full(a.shape[:-2], 0, Kind.I)
    if a.numel == 0:
        return c.real(a), c.graph.full(a.shape[:-1], 0, Kind.I), info
    batch = a.numel // (n * n)
    routine = Routine("lu", (batch, n), (a.numel, batch * n), (Kind.F, Kind.I))
    factor, pivots = c.graph.call(routine, _columns(c, a))
    return (
        _turned(c.graph.reshape(factor, a.shape)),
        c.graph.reshape(pivots, a.shape[:-1]),
        info,
    )


def _solve(
    c: Context, factor: View, pivots: View, b: View, *, left: bool = True, adjoint: bool = False
) -> View:
    """``x`` of ``a x = b`` or of ``x a = b``, which is a system of the transposes."""
    n = factor.shape[-1]
    if n > LARGEST:
        raise NoRow("the matrix is too large")
    lead = c.shape[:-2]
    matrices = views.expand(_columns(c, factor), (*lead, n, n))
    swaps = views.expand(pivots, (*lead, n))
    spread = views.expand(c.real(b), c.shape)
    right = _columns(c, spread) if left else c.graph.copy(spread)
    columns = c.shape[-1] if left else c.shape[-2]
    parameters = (math.prod(lead), n, columns, adjoint is left)
    routine = Routine("lu_solve", parameters, (math.prod(c.shape),), (Kind.F,))
    (found,) = c.graph.call(routine, matrices, swaps, right)
    whole = c.graph.reshape(found, right.shape)
    return _turned(whole) if left else whole


if address_of("dgetrf_") is not None and address_of("dgetrs_") is not None:
    row("linalg_lu_factor_ex")(_factor)
    row("linalg_lu_solve")(_solve)
