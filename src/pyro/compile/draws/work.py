"""How much a program has to do: whether torch's matrix products are what takes the time."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

from torch import Tensor

from pyro.compile import gemm

# Seconds, on processors of these years: a call of an operation by Python; a product and its sum in
# a loop of our own, and in the library that torch calls, for each thread.
_CALL, _OURS, _THEIRS = 5e-6, 1.8e-10, 4e-11
# An element of what is no product of matrices, in our one thread and in each of torch's, and an
# operation with all that Python does around it in a step of SVI.
_OUR_ELEMENT, _THEIR_ELEMENT, _STEP_CALL = 1e-9, 2e-9, 1.5e-5


def _of_matrices(args: Sequence[Any]) -> int:
    """``(n, k) @ (k, m)``, as the last two tensors."""
    left, right = (x for x in args[-2:])
    return int(left.numel()) * int(right.shape[-1])


def _is_large(args: Sequence[Any]) -> bool:
    """Whether BLAS is called for a product."""
    left, right = (x for x in args[-2:])
    sides = (left.shape[-2], left.shape[-1], right.shape[-1])
    return bool(min(sides) >= gemm.LEAST_SIDE and math.prod(sides) >= gemm.LEAST_PRODUCTS)


def _of_convolution(args: Sequence[Any]) -> int:
    """Each number of the result has a product for each weight of its channel; strides divide."""
    x, weight, stride = args[0], args[1], args[3]
    places = x.shape[0] * math.prod(x.shape[2:]) // max(1, math.prod(stride))
    return int(places) * int(weight.numel())


def _of_its_gradient(args: Sequence[Any]) -> int:
    return 2 * _of_convolution((args[1], args[2], None, args[4]))


_PRODUCTS: dict[str, Callable[[Sequence[Any]], int]] = {
    "aten::mm": _of_matrices,
    "aten::bmm": _of_matrices,
    "aten::addmm": _of_matrices,
    "aten::baddbmm": _of_matrices,
    "aten::convolution": _of_convolution,
    "aten::convolution_backward": _of_its_gradient,
}


@functools.cache
def _manner(func: Any) -> tuple[Callable[[Sequence[Any]], int] | None, bool]:
    """What counts the products of an operation, if it has some; whether it makes no elements."""
    schema = func._schema
    is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
    return _PRODUCTS.get(schema.name), is_view


def _longest(args: Iterable[Any]) -> int:
    """Elements of the longest tensor; lists are as long as all in them."""
    found = 0
    for x in args:
        if isinstance(x, Tensor):
            found = max(found, x.numel())
        elif isinstance(x, (list, tuple)):
            found = max(found, sum(y.numel() for y in x if isinstance(y, Tensor)))
    return found


@final
class Work:
    """Counts the operations of a program.

    :ivar operations: how many there were.
    :ivar products: how many products of numbers within products of matrices.
    :ivar matrices: those of them in which neither matrix is a vector.
    :ivar elements: how many elements all other operations go through.

    >>> from pyro.compile.draws import Counted, make_key
    >>> with Counted(make_key(0)) as counted:
    ...     x = torch.ones(4, 5) @ torch.ones(5, 6)
    >>> counted.work.products, counted.work.is_for_torch(threads=1)
    (120, False)
    """

    def __init__(self) -> None:
        self.operations = self.products = self.matrices = self.elements = 0

    def add(self, func: Any, args: Sequence[Any]) -> None:
        """Note a call."""
        self.operations += 1
        count, is_view = _manner(func)
        if count is None and not is_view:
            self.elements += _longest(args)
        if count is not None and all(isinstance(x, Tensor) for x in args[:2]):
            found = count(args)
            self.products += found
            if count is _of_matrices and _is_large(args):
                self.matrices += found

    def is_for_torch(self, threads: int, blas: bool = False) -> bool:
        """Whether machine code would take longer than torch with all its calls.

        :param blas: whether it calls BLAS for products of matrices; otherwise they are loops.
        """
        theirs = _THEIRS / max(1, threads)
        in_torch = self.operations * _CALL + self.products * theirs
        called = self.matrices if blas else 0
        return (self.products - called) * _OURS + called * theirs > in_torch

    def is_for_many_threads(self, threads: int) -> bool:
        """Whether torch's threads outdo ours, which is one, in all but products of matrices."""
        theirs = self.elements * _THEIR_ELEMENT / max(1, threads)
        return self.elements * _OUR_ELEMENT > theirs + self.operations * _STEP_CALL

    def is_outweighed(self, products: int, threads: int) -> bool:
        """Whether so many products in loops of our own take longer than all does in torch."""
        in_torch = self.operations * _CALL + self.products * _THEIRS / max(1, threads)
        return products * _OURS > in_torch
