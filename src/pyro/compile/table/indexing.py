"""Reads and writes at positions that are data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pyro.compile import views
from pyro.compile.ir import Kind, Op, View, contiguous
from pyro.compile.table.context import Context, NoRow, row


def lookup(c: Context, x: View, plain: View, positions: Sequence[tuple[View, int, int]]) -> View:
    """Elements of ``x`` at ``plain``'s position moved by ``index * stride`` for each index.

    :param plain: a view of ``x``'s node over the shape of the result, at index zero.
    :param positions: index (broadcastable to the result), size of the indexed dim, stride.
    """
    if x.node.op is Op.LITERAL:
        return plain
    strides = tuple(stride for _, _, stride in positions)
    indices = (_wrapped(c, index, size) for index, size, _ in positions)
    return c.graph.map("lookup", plain, *indices, kind=x.kind, attr=strides)


def _whole(c: Context, x: View) -> View:
    """``x`` in memory."""
    return c.graph.copy(x)


@row("index")
def _index(c: Context, x: View, indices: Sequence[View | None]) -> View:
    x = _whole(c, x)
    plan = _advanced(c, x.shape, indices)
    shape, strides, positions = plan
    return lookup(c, x, View(x.node, shape, strides, 0), positions)


def _advanced(
    c: Context, shape: tuple[int, ...], indices: Sequence[View | None]
) -> tuple[tuple[int, ...], tuple[int, ...], list[tuple[View, int, int]]]:
    """Shape of the result, strides of the dims that are not indexed, and the indices."""
    units = contiguous(shape)
    given = list(_integers(c, indices))
    given += [None] * (len(shape) - len(given))
    used = [d for d, i in enumerate(given) if i is not None]
    joint = views.broadcast_shapes(*(i.shape for i in given if i is not None))
    together = used == list(range(used[0], used[-1] + 1))
    place = used[0] if together else 0
    rest = [d for d in range(len(shape)) if d not in used]
    before = [d for d in rest if d < place] if together else []
    after = [d for d in rest if d not in before]
    out = tuple(shape[d] for d in before) + joint + tuple(shape[d] for d in after)
    strides = tuple(units[d] for d in before) + (0,) * len(joint) + tuple(units[d] for d in after)
    positions = []
    for d in used:
        index = views.expand(given[d], joint)  # type: ignore[arg-type]
        full = View(
            index.node,
            (1,) * len(before) + index.shape + (1,) * len(after),
            (0,) * len(before) + index.strides + (0,) * len(after),
            index.offset,
        )
        positions.append((full, shape[d], units[d]))
    return out, strides, positions


def _integers(c: Context, indices: Sequence[View | None]) -> Sequence[View | None]:
    """Boolean masks among the constants become positions."""
    found: list[View | None] = []
    for index in indices:
        if index is None or index.kind is Kind.I:
            found.append(index)
        else:
            found.extend(c.graph.nonzero(index))
    return found


@row("index_put", "_unsafe_index_put")
def _index_put(
    c: Context, x: View, indices: Sequence[View | None], values: View, accumulate: bool = False
) -> View:
    values = c.as_kind(values)
    mask = indices[0] if len(indices) == 1 else None
    if mask is not None and mask.kind is Kind.B and values.numel == 1:
        return _masked_put(c, x, mask, c.graph.reshape(values, ()), accumulate)
    shape, strides, positions = _advanced(c, x.shape, indices)
    value = views.expand(values, shape)
    steps = [(_wrapped(c, index, size), step) for index, size, step in positions]
    return c.graph.update(x, "add" if accumulate else "set", strides, 0, value, steps)


def _masked_put(c: Context, x: View, mask: View, value: View, accumulate: bool) -> View:
    """One number where a mask over the first dims holds."""
    if accumulate:
        value = c.graph.map("add", x, value)
    for _ in range(len(x.shape) - len(mask.shape)):
        mask = views.unsqueeze(mask, len(mask.shape))
    return c.graph.map("select", mask, value, x)


def _wrapped(c: Context, index: View, size: int) -> View:
    """An index that counts from the end if it is negative, and stays inside whatever it is."""
    if (known := c.graph.elements(index)) is not None:
        inside = known.where(known >= 0, known + size)
        return index if bool((known >= 0).all()) else c.graph.constant(inside)
    low = c.graph.map("lt", index, c.graph.literal(0, Kind.I))
    index = c.graph.map(
        "select", low, c.graph.map("add", index, c.graph.literal(size, Kind.I)), index
    )
    index = c.graph.map("maximum", index, c.graph.literal(0, Kind.I))
    return c.graph.map("minimum", index, c.graph.literal(size - 1, Kind.I))


@row("index_select")
def _index_select(c: Context, x: View, dim: int, index: View) -> View:
    if not x.shape:
        return x
    dim %= len(x.shape)
    return _index(c, x, [None] * dim + [views.expand(index, (c.shape[dim],))])


@row("embedding")
def _embedding(c: Context, weight: View, indices: View, *_: Any) -> View:
    return _index(c, weight, [indices])


@row("embedding_dense_backward")
def _embedding_backward(
    c: Context, grad: View, indices: View, count: int, padding: int, by_frequency: bool
) -> View:
    if by_frequency:
        raise NoRow("an embedding scales gradients by frequency")
    if padding >= 0:
        skip = c.graph.map("eq", indices, c.graph.literal(padding, Kind.I))
        wide = View(skip.node, skip.shape + (1,), skip.strides + (0,), skip.offset)
        grad = c.graph.map("select", wide, c.real(0.0), grad)
    return _index_put(c, c.graph.full(c.shape, 0, c.kind), [indices], grad, True)


@row("gather")
def _gather(c: Context, x: View, dim: int, index: View, **_: Any) -> View:
    if not x.shape:
        return views.expand(x, c.shape)
    x = _whole(c, x)
    dim %= len(x.shape)
    units = contiguous(x.shape)
    plain = View(x.node, index.shape, units[:dim] + (0,) + units[dim + 1 :], 0)
    return lookup(c, x, plain, [(index, x.shape[dim], units[dim])])


def _check_mode(c: Context, mode: str) -> None:
    if c.kind is Kind.B and mode != "set":
        raise NoRow("truth values are only set")


def _scatter_into(c: Context, x: View, dim: int, index: View, source: View, mode: str) -> View:
    if not x.shape:
        base, index, source = (c.graph.reshape(v, (1,)) for v in (x, index, source))
        return c.graph.reshape(_scatter_into(c, base, 0, index, source, mode), ())
    _check_mode(c, mode)
    dim %= len(x.shape)
    units = contiguous(x.shape)
    steps = [(_wrapped(c, index, x.shape[dim]), units[dim])]
    value = View(source.node, index.shape, source.strides, source.offset)
    return c.graph.update(x, mode, units[:dim] + (0,) + units[dim + 1 :], 0, value, steps)


@row("scatter_add")
def _scatter_add(c: Context, x: View, dim: int, index: View, source: View) -> View:
    return _scatter_into(c, x, dim, index, c.as_kind(source), "add")


@row("scatter")
def _scatter(
    c: Context, x: View, dim: int, index: View, source: Any, *, reduce: str | None = None
) -> View:
    value = (
        views.expand(c.as_kind(source), index.shape)
        if not isinstance(source, View) or not source.shape
        else c.as_kind(source)
    )
    mode = {None: "set", "add": "add", "multiply": "mul"}[reduce]
    return _scatter_into(c, x, dim, index, value, mode)


@row("scatter_reduce")
def _scatter_reduce(
    c: Context,
    x: View,
    dim: int,
    index: View,
    source: View,
    reduce: str,
    *,
    include_self: bool = True,
) -> View:
    mode = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min"}.get(reduce)
    if mode is None:
        raise NoRow(f"scatter_reduce with reduce={reduce!r}")
    if not include_self:
        low, high = (-math.inf, math.inf) if c.kind is Kind.F else (-(2**63), 2**63 - 1)
        start = {"add": 0, "mul": 1, "max": low, "min": high}[mode]
        first = c.graph.full(index.shape, start, c.kind)
        x = _scatter_into(c, x, dim, index, first, "set")
    return _scatter_into(c, x, dim, index, c.as_kind(source), mode)


@row("index_add")
def _index_add(c: Context, x: View, dim: int, index: View, source: View, *, alpha: Any = 1) -> View:
    value = c.as_kind(source)
    if alpha != 1:
        value = c.graph.map("mul", value, c.as_kind(alpha))
    return _index_write(c, x, dim, index, value, "add")


@row("index_copy")
def _index_copy(c: Context, x: View, dim: int, index: View, source: View) -> View:
    return _index_write(c, x, dim, index, c.as_kind(source), "set")


@row("index_fill")
def _index_fill(c: Context, x: View, dim: int, index: View, value: Any) -> View:
    n = index.numel
    dim = dim % len(x.shape) if x.shape else 0
    shape = x.shape[:dim] + (n,) + x.shape[dim + 1 :] if x.shape else (n,)
    return _index_write(c, x, dim, index, views.expand(c.as_kind(value), shape), "set")


def _index_write(c: Context, x: View, dim: int, index: View, value: View, mode: str) -> View:
    if not x.shape:
        base = c.graph.reshape(x, (1,))
        value = views.expand(value, (index.numel,))
        return c.graph.reshape(_index_write(c, base, 0, index, value, mode), ())
    _check_mode(c, mode)
    dim %= len(x.shape)
    index = views.expand(index, (value.shape[dim],))
    after = len(x.shape) - dim - 1
    wide = View(index.node, index.shape + (1,) * after, index.strides + (0,) * after, index.offset)
    units = contiguous(x.shape)
    steps = [(_wrapped(c, wide, x.shape[dim]), units[dim])]
    return c.graph.update(x, mode, units[:dim] + (0,) + units[dim + 1 :], 0, value, steps)
