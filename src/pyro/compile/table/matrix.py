"""Products of matrices: sums of products over a box of indices."""

from __future__ import annotations

from typing import Any

from pyro.compile import views
from pyro.compile.ir import View
from pyro.compile.table.context import Context, row


def product(c: Context, a: View, b: View) -> View:
    """``a @ b`` of batches ``(..., i, k)`` and ``(..., k, j)``."""
    left = views.unsqueeze(a, len(a.shape))  # (..., i, k, 1)
    right = views.unsqueeze(b, len(b.shape) - 2)  # (..., 1, k, j)
    k = len(left.shape) - 2
    return c.graph.reduce("sum", c.graph.map("mul", c.as_kind(left), c.as_kind(right)), [k])


@row("mm", "bmm")
def _mm(c: Context, a: View, b: View) -> View:
    return product(c, a, b)


@row("mv")
def _mv(c: Context, a: View, x: View) -> View:
    return views.squeeze(product(c, a, views.unsqueeze(x, 1)), 1)


@row("dot", "vdot")
def _dot(c: Context, x: View, y: View) -> View:
    return c.graph.reduce("sum", c.graph.map("mul", c.as_kind(x), c.as_kind(y)), [0])


def _plus(c: Context, x: View, found: View, beta: Any, alpha: Any) -> View:
    if alpha != 1:
        found = c.graph.map("mul", found, c.as_kind(alpha))
    if beta == 0:
        return found
    if beta != 1:
        x = c.graph.map("mul", c.as_kind(x), c.as_kind(beta))
    return c.graph.map("add", c.as_kind(x), found)


@row("addmm", "baddbmm")
def _addmm(c: Context, x: View, a: View, b: View, *, beta: Any = 1, alpha: Any = 1) -> View:
    return _plus(c, x, product(c, a, b), beta, alpha)


@row("addmv")
def _addmv(c: Context, x: View, a: View, v: View, *, beta: Any = 1, alpha: Any = 1) -> View:
    return _plus(c, x, _mv(c, a, v), beta, alpha)


@row("addbmm")
def _addbmm(c: Context, x: View, a: View, b: View, *, beta: Any = 1, alpha: Any = 1) -> View:
    return _plus(c, x, c.graph.reduce("sum", product(c, a, b), [0]), beta, alpha)
