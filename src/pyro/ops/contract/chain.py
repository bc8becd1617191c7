"""Chains of variables, each of which meets only its neighbours, summed out from end to end.

That takes fewer operations than rounds of pairs, but one after the other: worth it where loops cost
little, in machine code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from torch import Tensor

from pyro.ops.contract.plan import FactorSpec, Name, Variable
from pyro.ops.log_chain import log_chain
from pyro.ops.stacking import Rows, stack_rows

LEAST = 16
_CHEAP: ContextVar[bool] = ContextVar("loops_are_cheap", default=False)


@contextmanager
def loops_are_cheap() -> Iterator[None]:
    """Inside, chains are summed out by a loop."""
    token = _CHEAP.set(True)
    try:
        yield
    finally:
        _CHEAP.reset(token)


class Chain(NamedTuple):
    """Variables in their order, and the factors (by number) of each alone and with the one before.

    :param size: the number of values of each.
    """

    names: tuple[Name, ...]
    size: int
    alone: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[int, ...], ...]  # that with the one before; empty for the first


def find_chain(factors: Sequence[FactorSpec], variables: Sequence[Variable]) -> Chain | None:
    """The chain that some factors are, if loops are cheap here and they are one."""
    if not _CHEAP.get() or len(variables) < LEAST:
        return None
    if any(v.plates for v in variables) or any(f.plates for f in factors):
        return None
    scopes = [tuple(n for n in f.names if n is not None) for f in factors]
    sizes = {
        size for f in factors for n, size in zip(f.names, f.shape, strict=True) if n is not None
    }
    known = {v.name for v in variables}
    if len(sizes) != 1 or any(len(s) > 2 or not known.issuperset(s) for s in scopes):
        return None
    order = _path([v.name for v in variables], [s for s in scopes if len(s) == 2])
    if order is None:
        return None
    place = {name: k for k, name in enumerate(order)}
    alone: list[list[int]] = [[] for _ in order]
    pairs: list[list[int]] = [[] for _ in order]
    for number, scope in enumerate(scopes):
        if not scope:
            return None
        (pairs if len(scope) == 2 else alone)[max(place[n] for n in scope)].append(number)
    return Chain(tuple(order), sizes.pop(), tuple(map(tuple, alone)), tuple(map(tuple, pairs)))


def _path(names: Sequence[Name], edges: Sequence[tuple[Name, ...]]) -> list[Name] | None:
    """The names along the path that the edges are; None if they are none."""
    near: dict[Name, set[Name]] = {name: set() for name in names}
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    ends = [name for name in names if len(near[name]) == 1]
    if len(ends) != 2 or any(len(others) > 2 for others in near.values()):
        return None
    order = [ends[0]]
    while len(order) < len(names):
        following = near[order[-1]].difference(order[-2:])
        if len(following) != 1:
            return None
        order.append(following.pop())
    return order


def sum_chain(
    chain: Chain, factors: Sequence[FactorSpec], tensors: Sequence[Tensor], rows: Rows
) -> Tensor:
    """The logarithm of the sum over all variables, a scalar.

    :param rows: knows which tensors are rows of one.
    """
    layout = _Layout(factors, tensors)
    names, size = chain.names, chain.size
    layers: list[Tensor] = []
    for which, members in enumerate((chain.pairs, chain.alone)):
        depth = max(map(len, members[1:]), default=0)
        shape = (size, size)[which:]
        nothing = tensors[0].new_zeros(shape)
        for layer in range(depth):
            numbers = [m[layer] if layer < len(m) else None for m in members[1:]]
            wanted = [(names[t], names[t + 1])[which:] for t in range(len(numbers))]
            stacked = None
            there = [n for n in numbers if n is not None]
            if len(there) == len(numbers):
                turned = [layout.is_turned(n, w) for n, w in zip(there, wanted, strict=True)]
                stacked = rows.stacked([tensors[n] for n in there], shape, turned)
            if stacked is None:
                stacked = stack_rows(
                    [
                        nothing if n is None else layout.of(n, w)
                        for n, w in zip(numbers, wanted, strict=True)
                    ]
                )
            layers.append(stacked if which == 0 else stacked.unsqueeze(1))
    total = layers[0]
    for row in layers[1:]:
        total = total + row
    start = tensors[0].new_zeros(size)
    for number in chain.alone[0]:
        start = start + layout.of(number, (names[0],), rows.row(tensors[number]))
    return log_chain(start, total.expand(len(names) - 1, size, size)).logsumexp(0)


class _Layout:
    """Factors with the dims of given names, in their order; each tensor is laid out once."""

    def __init__(self, factors: Sequence[FactorSpec], tensors: Sequence[Tensor]) -> None:
        self._factors = factors
        self._tensors = tensors
        self._known: dict[tuple[int, bool], Tensor] = {}

    def is_turned(self, number: int, names: Sequence[Name]) -> bool:
        """Whether the dims of a factor are in another order than the names."""
        return [n for n in self._factors[number].names if n is not None] != list(names)

    def of(self, number: int, names: Sequence[Name], as_row: Tensor | None = None) -> Tensor:
        """A factor as a vector, or as a matrix whose rows belong to the first name.

        :param as_row: the same tensor, otherwise computed.
        """
        spec = self._factors[number]
        tensor = self._tensors[number] if as_row is None else as_row
        turned = self.is_turned(number, names)
        key = id(tensor), turned
        if key not in self._known:
            sizes = [s for n, s in zip(spec.names, spec.shape, strict=True) if n is not None]
            flat = tensor if list(spec.shape) == sizes else tensor.reshape(sizes)
            self._known[key] = flat.mT if turned else flat
        return self._known[key]
