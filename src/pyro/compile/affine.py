"""Arithmetic of affine accesses: composing them, joining dims that are walked as one, splitting."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from pyro.compile.ir import Shape, contiguous


class Access(NamedTuple):
    """An affine position in a flat array, as a function of the indices of a domain."""

    strides: Shape
    offset: int


@functools.lru_cache(maxsize=1 << 16)
def digits(domain: Shape, strides: Shape, offset: int, shape: Shape) -> tuple[Access, ...] | None:
    """The index along each dim of ``shape`` of a flat access, each affine in the domain.

    None if some index would not be affine: the access carries from one dim into the next.

    >>> digits((4, 3), (1, 4), 0, (3, 4))  # a transpose
    (Access(strides=(0, 1), offset=0), Access(strides=(1, 0), offset=0))
    >>> digits((12,), (1,), 0, (3, 4)) is None
    True
    """
    units = contiguous(shape)
    per_dim = [_split(stride, units, shape) for stride in strides]
    found = []
    for k, (size, unit) in enumerate(zip(shape, units, strict=True)):
        start = offset // unit % size
        moves = tuple(parts[k] for parts in per_dim)
        reach = [m * (n - 1) for m, n in zip(moves, domain, strict=True)]
        low = start + sum(r for r in reach if r < 0)
        high = start + sum(r for r in reach if r > 0)
        if low < 0 or high >= size:
            return None
        found.append(Access(moves, start))
    return tuple(found)


def _split(stride: int, units: Shape, shape: Shape) -> Shape:
    """A stride in mixed radix: steps along each dim."""
    sign, rest = (-1, -stride) if stride < 0 else (1, stride)
    parts = []
    for size, unit in zip(shape, units, strict=True):
        if size == 1:
            parts.append(0)
            continue
        parts.append(sign * (rest // unit))
        rest %= unit
    return tuple(parts)


@functools.lru_cache(maxsize=1 << 16)
def compose(domain: Shape, outer: Access, shape: Shape, inner: Access) -> Access | None:
    """``inner``, an access over ``shape``, read at the flat position ``outer``, over ``domain``.

    >>> compose((3,), Access((4,), 1), (3, 4), Access((1, 3), 0))
    Access(strides=(1,), offset=3)
    """
    if not any(inner.strides):
        return Access((0,) * len(domain), inner.offset)
    if outer.strides == contiguous(shape) and outer.offset == 0 and domain == shape:
        return inner
    parts = digits(domain, outer.strides, outer.offset, shape)
    if parts is None:
        return None
    strides = tuple(
        sum(p.strides[d] * s for p, s in zip(parts, inner.strides, strict=True))
        for d in range(len(domain))
    )
    offset = inner.offset + sum(p.offset * s for p, s in zip(parts, inner.strides, strict=True))
    return Access(strides, offset)


def joinable(n: int, outer: Sequence[int], inner: Sequence[int]) -> bool:
    """Whether two adjacent dims, the inner of size ``n``, are walked as one by every access."""
    return all(o == n * i for o, i in zip(outer, inner, strict=True))


def coalesce(
    domain: Shape, accesses: Sequence[Shape], flags: Sequence[bool]
) -> tuple[Shape, list[Shape], tuple[bool, ...]]:
    """Drop dims of size one and join adjacent dims (of equal flags) that are walked as one.

    >>> coalesce((2, 1, 3), [(3, 7, 1), (3, 9, 1)], (False, False, False))
    ((6,), [(1,), (1,)], (False,))
    """
    sizes: list[int] = []
    columns: list[list[int]] = []
    kept: list[bool] = []
    for d, n in enumerate(domain):
        column = [strides[d] for strides in accesses]
        if n == 1:
            continue
        if sizes and kept[-1] == flags[d] and joinable(n, columns[-1], column):
            sizes[-1] *= n
            columns[-1] = column
        else:
            sizes.append(n)
            columns.append(column)
            kept.append(flags[d])
    rows = [tuple(c[a] for c in columns) for a in range(len(accesses))]
    return tuple(sizes), rows, tuple(kept)


def refine(domain: Shape, strides: Shape, shape: Shape) -> tuple[Shape, ...] | None:
    """Sizes into which each dim of the domain must be split to follow the dims of ``shape``.

    >>> refine((12,), (1,), (3, 4))
    ((3, 4),)
    """
    units = contiguous(shape)
    result: list[Shape] = []
    changed = False
    for n, stride in zip(domain, strides, strict=True):
        cuts = sorted(
            {u // stride for u in units if stride > 0 and u % stride == 0 and 1 < u // stride < n},
            reverse=True,
        )
        cuts = [c for c in cuts if n % c == 0]
        edges = [n, *cuts, 1]
        sizes = tuple(a // b for a, b in itertools.pairwise(edges))
        if any(a % b for a, b in itertools.pairwise(edges)):
            sizes = (n,)
        changed |= len(sizes) > 1
        result.append(sizes)
    return tuple(result) if changed else None


def split(domain: Shape, strides: Shape, parts: Sequence[Shape]) -> Shape:
    """Strides over the domain whose dims were split into ``parts``.

    >>> split((12,), (2,), ((3, 4),))
    (8, 2)
    """
    found: list[int] = []
    for stride, sizes in zip(strides, parts, strict=True):
        found.extend(stride * unit for unit in contiguous(sizes))
    return tuple(found)
