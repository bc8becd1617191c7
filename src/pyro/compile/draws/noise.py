"""The random numbers of one run of a program: those of a key, in the order of their use."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from pyro.compile.math import FUNCTIONS, TorchBuilder

Key = Tensor
STREAMS = ("uniform", "normal")
_STREAM = 1 << 32  # positions of one stream
_BLOCK = 256


def make_key(seed: int, step: int = 0) -> Key:
    """What random numbers are a function of: three reals, the seed's halves and the step.

    :param seed: an integer from 0 to :math:`2^{64} - 1`.
    :param step: tells runs with one seed apart; below :math:`2^{51}`.

    >>> make_key(2**32 + 5, 7).tolist()
    [5.0, 1.0, 7.0]
    """
    return torch.tensor([seed & 0xFFFFFFFF, seed >> 32, step], dtype=torch.float64)


def positions(stream: str, start: int, count: int) -> Tensor:
    """The counters of elements of a stream, as real numbers."""
    first = _STREAM * STREAMS.index(stream) + start
    return torch.arange(first, first + count, dtype=torch.float64)


@final
class Noise:
    """Streams of uniform and of normal numbers, from which a run takes one slice after another.

    :param key: as :func:`make_key` makes it.
    :ivar taken: how many have been taken, by stream.

    >>> noise = Noise(make_key(3))
    >>> noise.take("normal", 3).shape, noise.take("normal", 2).shape, noise.taken["normal"]
    (torch.Size([3]), torch.Size([2]), 5)
    """

    def __init__(self, key: Key) -> None:
        self._key = key
        self._pools: dict[str, Tensor] = {}
        self.taken = dict.fromkeys(STREAMS, 0)

    def take(self, stream: str, count: int) -> Tensor:
        """The next numbers of a stream, in float64."""
        start = self.taken[stream]
        self.taken[stream] = start + count
        pool = self._pools.get(stream)
        held = 0 if pool is None else len(pool)
        if start + count > held:
            more = self._numbers(stream, held, max(start + count - held, _BLOCK))
            pool = more if pool is None else torch.cat([pool, more])
            self._pools[stream] = pool
        if pool is None:
            return torch.empty(0, dtype=torch.float64)
        return pool[start : start + count]

    def _numbers(self, stream: str, start: int, count: int) -> Tensor:
        place = positions(stream, start, count)
        uniform: Tensor = FUNCTIONS["uniform"](TorchBuilder(), *self._key, place)
        return torch.special.ndtri(uniform) if stream == "normal" else uniform
