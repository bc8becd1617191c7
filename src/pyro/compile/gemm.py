"""What is asked of BLAS: a product of matrices, once or again and again."""

from __future__ import annotations

from typing import NamedTuple

from pyro.compile.lapack import address_of

SINGLE, DOUBLE = "sgemm", "dgemm"
LEAST_PRODUCTS = 16_384  # of two numbers, in one call
LEAST_SIDE = 4


class Side(NamedTuple):
    """A matrix in memory.

    :param offset: where it starts in its array.
    :param lead: elements from one of its lines to the next.
    :param summed: whether a line is what is summed over.
    """

    offset: int
    lead: int
    summed: bool


class Repeat(NamedTuple):
    """A product is made so many times, each time so far on."""

    times: int
    left: int
    right: int
    out: int


class Gemm(NamedTuple):
    """``out[i * lead + j] = scale * sum over k of left[i, k] * right[k, j]``, for each repeat.

    :param adds: whether repeats add to the same elements.
    """

    rows: int
    columns: int
    summed: int
    left: Side
    right: Side
    lead: int
    repeats: tuple[Repeat, ...]
    adds: bool
    scale: float


def is_there(routine: str) -> bool:
    """Whether torch brings this routine along."""
    return address_of(f"{routine}_") is not None
