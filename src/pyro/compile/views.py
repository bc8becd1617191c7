"""Views of views: pure index arithmetic."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from pyro.compile.affine import Access, compose
from pyro.compile.ir import Shape, View


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape to which all broadcast.

    >>> broadcast_shapes((3, 1), (4,), ())
    (3, 4)
    """
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    return tuple(next((n for n in sizes if n != 1), 1) for sizes in zip(*padded, strict=True))


def expand(x: View, shape: Shape) -> View:
    """``x`` repeated along new dims and dims of size one."""
    if x.shape == shape:
        return x
    lead = len(shape) - len(x.shape)
    strides = (0,) * lead + tuple(
        0 if n == 1 else s for n, s in zip(x.shape, x.strides, strict=True)
    )
    return View(x.node, shape, strides, x.offset)


def is_contiguous(x: View) -> bool:
    """Whether the elements stand row-major and without gaps."""
    unit = 1
    for n, s in zip(reversed(x.shape), reversed(x.strides), strict=True):
        if n != 1 and s != unit:
            return False
        unit *= n
    return True


def of_whole(x: View, shape: Shape, strides: Shape, offset: int) -> View:
    """A strided view of a whole node."""
    return View(x.node, shape, strides, offset)


def as_strided(x: View, shape: Shape, strides: Shape, offset: int) -> View | None:
    """A strided view of the row-major elements of ``x``; None if it is not affine in its node."""
    moves = tuple(0 if n == 1 else s for n, s in zip(shape, strides, strict=True))
    if is_contiguous(x):
        return View(x.node, shape, moves, x.offset + offset)
    found = compose(shape, Access(moves, offset), x.shape, Access(x.strides, x.offset))
    return None if found is None else View(x.node, shape, found.strides, found.offset)


def permute(x: View, dims: Sequence[int]) -> View:
    return View(
        x.node, tuple(x.shape[d] for d in dims), tuple(x.strides[d] for d in dims), x.offset
    )


def swap(x: View, a: int, b: int) -> View:
    """The transpose of two dims."""
    order = list(range(len(x.shape)))
    order[a], order[b] = order[b], order[a]
    return permute(x, order)


def narrow(x: View, dim: int, start: int, length: int) -> View:
    """A slice of one dim."""
    shape = x.shape[:dim] + (length,) + x.shape[dim + 1 :]
    return View(x.node, shape, x.strides, x.offset + start * x.strides[dim])


def select(x: View, dim: int, index: int) -> View:
    """One index of one dim, which goes away."""
    return squeeze(narrow(x, dim, index, 1), dim)


def squeeze(x: View, dim: int) -> View:
    return View(
        x.node, x.shape[:dim] + x.shape[dim + 1 :], x.strides[:dim] + x.strides[dim + 1 :], x.offset
    )


def unsqueeze(x: View, dim: int) -> View:
    """A new dim of size one at ``dim`` (counted in the result)."""
    return View(
        x.node,
        x.shape[:dim] + (1,) + x.shape[dim:],
        x.strides[:dim] + (0,) + x.strides[dim:],
        x.offset,
    )


def flip(x: View, dims: Iterable[int]) -> View:
    strides = list(x.strides)
    offset = x.offset
    for d in dims:
        offset += strides[d] * (x.shape[d] - 1)
        strides[d] = -strides[d]
    return View(x.node, x.shape, tuple(strides), offset)


def broadcast_back(x: View, shape: Shape) -> View:
    """``x``, which has size one where its source did not move, in the full shape."""
    return expand(x, shape)


def insert_dims(strides: Shape, dims: set[int], keepdim: bool) -> Shape:
    """Strides with zeros at the reduced dims, if these are kept."""
    if not keepdim:
        return strides
    rest = iter(strides)
    return tuple(0 if d in dims else next(rest) for d in range(len(strides) + len(dims)))


def span(x: View) -> tuple[int, int]:
    """The lowest and the highest element of the node that the view reads."""
    reach = [s * (n - 1) for s, n in zip(x.strides, x.shape, strict=True)]
    return (
        x.offset + sum(itertools.filterfalse(lambda r: r > 0, reach)),
        x.offset + sum(filter(lambda r: r > 0, reach)),
    )
