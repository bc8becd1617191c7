"""The vectors of a step and the memory where torch keeps the same numbers."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from pyro.compile.transfer import Transfer
from pyro.optim.flat import FlatOptimizer


@final
class SharedMemory:
    """Copies parameters and the state of an optimiser to its vectors and back, in two calls.

    Made by :func:`share`.
    """

    def __init__(self, flat: FlatOptimizer, pairs: list[tuple[Tensor, Tensor]]) -> None:
        counters = flat.counters
        self._flat, self._leaves = flat, flat.leaves
        self._addresses = [leaf.data_ptr() for leaf in flat.leaves]
        self._in = Transfer([(theirs, ours) for ours, theirs in pairs])
        self._out = Transfer(pairs, [x for x in counters if isinstance(x, Tensor)])
        self._moves_rates = flat.moves_rates

    def is_current(self) -> bool:
        """Whether the parameters are where they were."""
        return [leaf.data_ptr() for leaf in self._leaves] == self._addresses

    def read(self) -> None:
        """Fill the vectors."""
        self._in()
        self._flat.read_rates()

    def write(self) -> None:
        """Put the vectors, after one step, where torch keeps them."""
        self._out()
        self._flat.count_up()
        torch.autograd.graph.increment_version(self._leaves)
        if self._moves_rates:
            self._flat.write_rates()


def share(flat: FlatOptimizer) -> SharedMemory | None:
    """The shared memory of an optimiser; None if it is better, or has to be, copied by torch."""
    pairs = flat.shared
    counters: list[Any] = flat.counters
    if not Transfer.suits(pairs, [x for x in counters if isinstance(x, Tensor)]):
        return None
    return SharedMemory(flat, pairs)
