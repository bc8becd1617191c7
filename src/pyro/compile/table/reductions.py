"""Operations that take many elements to one, or accumulate along a dim."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

from pyro.compile import views
from pyro.compile.ir import Kind, View
from pyro.compile.table.context import Context, NoRow, row
from pyro.compile.table.elementwise import truth

Dims = int | Sequence[int] | None


def dims_of(x: View, dim: Dims) -> list[int]:
    """The dims that a ``dim`` argument means; none given means all."""
    rank = len(x.shape)
    if dim is None or (not isinstance(dim, int) and not dim):
        return list(range(rank))
    found = [dim] if isinstance(dim, int) else list(dim)
    return [d % rank for d in found] if rank else []


@row("sum")
def _sum(c: Context, x: View, dim: Dims = None, keepdim: bool = False, **_: Any) -> View:
    return c.graph.reduce("sum", c.as_kind(x), dims_of(x, dim), keepdim)


@row("mean")
def _mean(c: Context, x: View, dim: Dims = None, keepdim: bool = False, **_: Any) -> View:
    dims = dims_of(x, dim)
    count = math.prod(x.shape[d] for d in dims)
    return c.map("div", c.graph.reduce("sum", c.real(x), dims, keepdim), float(count))


def _moments(c: Context, x: View, dim: Dims, correction: Any, keepdim: bool) -> tuple[View, View]:
    """Variance and mean."""
    x = c.real(x)
    dims = dims_of(x, dim)
    count = math.prod(x.shape[d] for d in dims)
    mean = c.map("div", c.graph.reduce("sum", x, dims, True), float(count))
    apart = c.map("sub", x, mean)
    total = c.graph.reduce("sum", c.map("mul", apart, apart), dims, keepdim)
    freedom = max(0.0, count - (1 if correction is None else correction))
    shape = total.shape
    return c.map("div", total, float(freedom)), c.graph.reshape(mean, shape)


def _spread(c: Context, x: View, *given: Any, **named: Any) -> tuple[View, View]:
    """Variance and mean by torch's three signatures: ``unbiased`` stands for a correction."""
    if len(given) == 1 and isinstance(given[0], bool):
        given = (None, *given)
    dim, unbiased, keepdim = (*given, None, None, None)[:3]
    correction = named.get("correction")
    if "unbiased" in named or unbiased is not None:
        correction = int(bool(named.get("unbiased", unbiased)))
    keepdim = bool(named.get("keepdim", keepdim))
    return _moments(c, x, named.get("dim", dim), correction, keepdim)


@row("var")
def _var(c: Context, x: View, *given: Any, **named: Any) -> View:
    return _spread(c, x, *given, **named)[0]


@row("std")
def _std(c: Context, x: View, *given: Any, **named: Any) -> View:
    return c.map("sqrt", _spread(c, x, *given, **named)[0])


@row("var_mean")
def _var_mean(c: Context, x: View, *given: Any, **named: Any) -> tuple[View, View]:
    return _spread(c, x, *given, **named)


@row("prod")
def _prod(c: Context, x: View, dim: Dims = None, keepdim: bool = False, **_: Any) -> View:
    if c.kind is Kind.B:
        raise NoRow("truth values are not multiplied")
    return c.graph.reduce("prod", c.as_kind(x), dims_of(x, dim), keepdim)


@row("amax")
def _amax(c: Context, x: View, dim: Dims = (), keepdim: bool = False) -> View:
    return _extremum(c, "max", x, dims_of(x, dim), keepdim)


@row("amin")
def _amin(c: Context, x: View, dim: Dims = (), keepdim: bool = False) -> View:
    return _extremum(c, "min", x, dims_of(x, dim), keepdim)


def _extremum(c: Context, fn: str, x: View, dims: list[int], keepdim: bool) -> View:
    if x.kind is Kind.B:
        fn = "any" if fn == "max" else "all"
    return c.graph.reduce(fn, x, dims, keepdim)


def _max_or_min(fn: str, c: Context, x: View, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        return _extremum(c, fn, x, dims_of(x, None), False)
    dims = dims_of(x, dim)
    return _extremum(c, fn, x, dims, keepdim), c.graph.reduce(f"arg{fn}", x, dims, keepdim)


def _arg(fn: str, c: Context, x: View, dim: int | None = None, keepdim: bool = False) -> View:
    if dim is None:
        x = c.graph.reshape(x, (x.numel,))
        return c.graph.reshape(c.graph.reduce(fn, x, [0]), c.shape)
    return c.graph.reduce(fn, x, dims_of(x, dim), keepdim)


def _truths(fn: str, c: Context, x: View, dim: Dims = None, keepdim: bool = False) -> View:
    return c.graph.reduce(fn, truth(c, x), dims_of(x, dim), keepdim)


for _fn in ("max", "min"):
    row(_fn)(functools.partial(_max_or_min, _fn))
    row(f"arg{_fn}")(functools.partial(_arg, f"arg{_fn}"))
for _fn in ("any", "all"):
    row(_fn)(functools.partial(_truths, _fn))


@row("logsumexp")
def _logsumexp(c: Context, x: View, dim: Dims, keepdim: bool = False) -> View:
    dims = dims_of(x, dim)
    x = c.real(x)
    total, top = _exp_sum(c, x, dims)
    found = c.map("add", c.map("log", total), top)
    return c.graph.reshape(found, c.shape)


def _exp_sum(c: Context, x: View, dims: list[int]) -> tuple[View, View]:
    """The sum of ``exp(x - top)`` and ``top``, a finite maximum."""
    top = c.graph.reduce("max", x, dims, True)
    infinite = c.map("eq", c.map("abs", top), math.inf)
    top = c.graph.map("select", infinite, c.real(0.0), top)
    return c.graph.reduce("sum", c.map("exp", c.map("sub", x, top)), dims, True), top


@row("_softmax")
def _softmax(c: Context, x: View, dim: int, half_to_float: bool) -> View:
    if not x.shape:
        return c.graph.map("exp", c.map("sub", x, x))
    dims = dims_of(x, dim)
    e = c.kept(c.map("exp", c.map("sub", x, c.graph.reduce("max", c.real(x), dims, True))))
    return c.map("mul", e, c.map("div", 1.0, c.graph.reduce("sum", e, dims, True)))


@row("_log_softmax")
def _log_softmax(c: Context, x: View, dim: int, half_to_float: bool) -> View:
    if not x.shape:
        return c.map("sub", x, x)
    dims = dims_of(x, dim)
    shifted = c.map("sub", x, c.graph.reduce("max", c.real(x), dims, True))
    total = c.graph.reduce("sum", c.map("exp", shifted), dims, True)
    return c.map("sub", shifted, c.map("log", total))


@row("_softmax_backward_data")
def _softmax_backward(c: Context, grad: View, y: View, dim: int, _: Any) -> View:
    product = c.map("mul", grad, y)
    total = c.graph.reduce("sum", product, dims_of(y, dim), True)
    return c.map("sub", product, c.map("mul", y, total))


@row("_log_softmax_backward_data")
def _log_softmax_backward(c: Context, grad: View, y: View, dim: int, _: Any) -> View:
    total = c.graph.reduce("sum", c.real(grad), dims_of(y, dim), True)
    return c.map("sub", grad, c.map("mul", c.map("exp", y), total))


# ---------------------------------------------------------------- cumulative


@row("cumsum")
def _cumsum(c: Context, x: View, dim: int, **_: Any) -> View:
    return _scan(c, "sum", c.as_kind(x), dim)


@row("cumprod")
def _cumprod(c: Context, x: View, dim: int, **_: Any) -> View:
    return _scan(c, "prod", c.as_kind(x), dim)


@row("logcumsumexp", "_logcumsumexp")
def _logcumsumexp(c: Context, x: View, dim: int) -> View:
    return _scan(c, "logaddexp", c.real(x), dim)


def _scan(c: Context, fn: str, x: View, dim: int) -> View:
    return c.graph.scan(fn, x, dim % len(x.shape)) if x.shape else x


@row("flip")
def _flip(c: Context, x: View, dims: Sequence[int]) -> View:
    return views.flip(x, [d % len(x.shape) for d in dims])


@row("linalg_vector_norm")
def _vector_norm(
    c: Context, x: View, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any
) -> View:
    dims = dims_of(x, dim)
    a = c.map("abs", x)
    if ord in (math.inf, -math.inf):
        return c.graph.reduce("max" if ord > 0 else "min", a, dims, keepdim)
    if ord == 0:
        return c.graph.reduce("sum", c.real(c.map("ne", x, 0.0)), dims, keepdim)
    if ord == 1:
        return c.graph.reduce("sum", a, dims, keepdim)
    if ord == 2:
        return c.map("sqrt", c.graph.reduce("sum", c.map("mul", x, x), dims, keepdim))
    total = c.graph.reduce("sum", c.map("pow", a, float(ord)), dims, keepdim)
    return c.map("pow", total, 1.0 / ord)
