"""Operations that move elements, and the gradients of views."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from pyro.compile import views
from pyro.compile.ir import Shape, View, contiguous
from pyro.compile.table.context import Context, row


@row("cat")
def _cat(c: Context, tensors: Sequence[View], dim: int = 0) -> View:
    parts = [c.as_kind(t) for t in tensors if t.shape != (0,) or c.shape == (0,)]
    return _joined(c, parts, dim % len(c.shape))


@row("stack")
def _stack(c: Context, tensors: Sequence[View], dim: int = 0) -> View:
    dim %= len(c.shape)
    return _joined(c, [views.unsqueeze(c.as_kind(t), dim) for t in tensors], dim)


def _joined(c: Context, parts: Sequence[View], dim: int) -> View:
    if len(parts) == 1:
        return parts[0]
    units = contiguous(c.shape)
    starts = [0, *itertools.accumulate(p.shape[dim] for p in parts)]
    found = c.graph.full(c.shape, 0, c.kind)
    for run in _runs(parts, starts):
        first = parts[run[0]]
        steps, gap = 0, 0
        if len(run) > 1:
            steps = starts[run[1]] - starts[run[0]]
            gap = parts[run[1]].offset - first.offset
        if len(run) == len(parts) and (whole := _continued(first, dim, len(run), gap)):
            return whole
        view = first._replace(shape=(len(run), *first.shape), strides=(gap, *first.strides))
        strides = (steps * units[dim], *units)
        found = c.graph.update(found, "set", strides, starts[run[0]] * units[dim], view)
    return found


def _continued(first: View, dim: int, count: int, gap: int) -> View | None:
    """Equal parts, each ``gap`` behind the one before, along one dim; None if they are not so."""
    size = first.shape[dim]
    if size > 1 and gap != size * first.strides[dim]:
        return None
    unit = gap if size == 1 else first.strides[dim]
    return first._replace(
        shape=first.shape[:dim] + (count * size,) + first.shape[dim + 1 :],
        strides=first.strides[:dim] + (unit,) + first.strides[dim + 1 :],
    )


def _runs(parts: Sequence[View], starts: Sequence[int]) -> Iterator[list[int]]:
    """Parts of one node that are read, and written, at equal distances: one write does for all."""
    alike: dict[Hashable, list[int]] = {}
    for k, part in enumerate(parts):
        alike.setdefault((part.node.number, part.shape, part.strides), []).append(k)
    for members in alike.values():
        run: list[int] = []
        for k in members:
            if len(run) > 1 and any(
                row(k) - row(run[-1]) != row(run[-1]) - row(run[-2])
                for row in (starts.__getitem__, lambda i: parts[i].offset)
            ):
                yield run
                run = []
            run.append(k)
        yield run


def placed(c: Context, shape: Shape, grad: View, strides: Shape, offset: int) -> View:
    """Zeros of the given shape with ``grad`` written at an affine position."""
    return c.graph.update(c.graph.full(shape, 0, c.kind), "set", strides, offset, grad)


@row("select_backward")
def _select_backward(c: Context, grad: View, sizes: Sequence[int], dim: int, index: int) -> View:
    units = contiguous(c.shape)
    dim %= len(units)
    offset = (index % c.shape[dim]) * units[dim]
    return placed(c, c.shape, grad, units[:dim] + units[dim + 1 :], offset)


@row("slice_backward")
def _slice_backward(
    c: Context, grad: View, sizes: Sequence[int], dim: int, start: int, end: int, step: int
) -> View:
    units = contiguous(c.shape)
    dim %= len(units)
    n = c.shape[dim]
    start = min(start + n if start < 0 else start, n)
    strides = units[:dim] + (units[dim] * step,) + units[dim + 1 :]
    return placed(c, c.shape, grad, strides, start * units[dim])


@row("diagonal_backward")
def _diagonal_backward(
    c: Context, grad: View, sizes: Sequence[int], offset: int, dim1: int, dim2: int
) -> View:
    strides, start = _diagonal(c.shape, offset, dim1, dim2)
    return placed(c, c.shape, grad, strides, start)


def _diagonal(shape: Shape, offset: int, dim1: int, dim2: int) -> tuple[Shape, int]:
    """Strides and offset of the diagonal of a row-major array."""
    units = contiguous(shape)
    dim1, dim2 = dim1 % len(shape), dim2 % len(shape)
    start = offset * units[dim2] if offset >= 0 else -offset * units[dim1]
    rest = tuple(u for d, u in enumerate(units) if d not in (dim1, dim2))
    return rest + (units[dim1] + units[dim2],), start


@row("slice_scatter")
def _slice_scatter(
    c: Context,
    x: View,
    source: View,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> View:
    units = contiguous(c.shape)
    dim %= len(units)
    n = c.shape[dim]
    start = 0 if start is None else min(start + n if start < 0 else start, n)
    strides = units[:dim] + (units[dim] * step,) + units[dim + 1 :]
    return c.graph.update(x, "set", strides, start * units[dim], c.as_kind(source))


@row("select_scatter")
def _select_scatter(c: Context, x: View, source: View, dim: int, index: int) -> View:
    units = contiguous(c.shape)
    dim %= len(units)
    strides = units[:dim] + units[dim + 1 :]
    offset = (index % c.shape[dim]) * units[dim]
    return c.graph.update(x, "set", strides, offset, c.as_kind(source))


@row("diagonal_scatter")
def _diagonal_scatter(
    c: Context, x: View, source: View, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> View:
    strides, start = _diagonal(c.shape, offset, dim1, dim2)
    return c.graph.update(x, "set", strides, start, c.as_kind(source))


@row("diag_embed")
def _diag_embed(c: Context, x: View, offset: int = 0, dim1: int = -2, dim2: int = -1) -> View:
    strides, start = _diagonal(c.shape, offset, dim1, dim2)
    return placed(c, c.shape, x, strides, start)


@row("constant_pad_nd")
def _pad(c: Context, x: View, pad: Sequence[int], value: Any = 0) -> View:
    units = contiguous(c.shape)
    rank = len(x.shape)
    offset = 0
    for k in range(len(pad) // 2):
        d = rank - 1 - k
        low, high = pad[2 * k], pad[2 * k + 1]
        if low < 0:
            x = views.narrow(x, d, -low, x.shape[d] + low)
        if high < 0:
            x = views.narrow(x, d, 0, x.shape[d] + high)
        offset += max(low, 0) * units[d]
    return c.graph.update(c.graph.full(c.shape, value, c.kind), "set", units, offset, x)


@row("repeat")
def _repeat(c: Context, x: View, repeats: Sequence[int]) -> View:
    lead = len(repeats) - len(x.shape)
    sizes = (1,) * lead + x.shape
    strides = (0,) * lead + x.strides
    interleaved: list[int] = []
    moves: list[int] = []
    for times, n, s in zip(repeats, sizes, strides, strict=True):
        interleaved += [times, n]
        moves += [0, s]
    tiled = View(x.node, tuple(interleaved), tuple(moves), x.offset)
    return c.graph.reshape(tiled, c.shape)


@row("roll")
def _roll(c: Context, x: View, shifts: Sequence[int], dims: Sequence[int] = ()) -> View:
    if not dims:
        flat = c.graph.reshape(x, (x.numel,))
        return c.graph.reshape(_rolled(c, flat, shifts[0], 0), c.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        x = _rolled(c, x, shift, dim % len(x.shape))
    return x


def _rolled(c: Context, x: View, shift: int, dim: int) -> View:
    n = x.shape[dim]
    cut = (-shift) % n if n else 0
    if not cut:
        return x
    units = contiguous(x.shape)
    found = c.graph.full(x.shape, 0, x.kind)
    tail, head = views.narrow(x, dim, cut, n - cut), views.narrow(x, dim, 0, cut)
    found = c.graph.update(found, "set", units, 0, tail)
    return c.graph.update(found, "set", units, (n - cut) * units[dim], head)


@row("tril")
def _tril(c: Context, x: View, diagonal: int = 0) -> View:
    return _triangle(c, x, diagonal, "ge")


@row("triu")
def _triu(c: Context, x: View, diagonal: int = 0) -> View:
    return _triangle(c, x, diagonal, "le")


def _triangle(c: Context, x: View, diagonal: int, fn: str) -> View:
    rows, columns = x.shape[-2:]
    below = c.graph.map(fn, iota(c, rows, 1, diagonal), iota(c, columns, 0, 0))
    return c.graph.map("select", below, x, c.graph.literal(0, x.kind), kind=x.kind)


def iota(c: Context, n: int, dims_after: int, start: int) -> View:
    """``start, start + 1, ...`` along a dim with ``dims_after`` more dims behind it."""
    node = c.graph.iota(n, start)
    return View(node.node, (n,) + (1,) * dims_after, (1,) + (0,) * dims_after, 0)


@row("zeros_like")
def _zeros_like(c: Context, *_: Any, **__: Any) -> View:
    return c.graph.full(c.shape, 0, c.kind)


@row("ones_like")
def _ones_like(c: Context, *_: Any, **__: Any) -> View:
    return c.graph.full(c.shape, 1, c.kind)


@row("full_like")
def _full_like(c: Context, x: View, value: Any, **_: Any) -> View:
    return c.result(c.as_kind(value))


@row("fill")
def _fill(c: Context, x: View, value: Any) -> View:
    return c.result(c.as_kind(value))


@row("zero", "empty_like", "new_zeros", "new_empty", "new_empty_strided", "zeros", "empty")
def _zeros(c: Context, *_: Any, **__: Any) -> View:
    return c.graph.full(c.shape, 0, c.kind)


@row("new_ones")
def _new_ones(c: Context, *_: Any, **__: Any) -> View:
    return c.graph.full(c.shape, 1, c.kind)


@row("new_full")
def _new_full(c: Context, x: View, size: Any, value: Any, **_: Any) -> View:
    return c.graph.full(c.shape, value, c.kind) if not isinstance(value, View) else c.result(value)
