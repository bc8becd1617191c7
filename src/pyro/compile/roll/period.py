"""Where a sequence repeats itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LEAST_STEPS = 16
LONGEST = 512


class Block(NamedTuple):
    """``sequence[start : start + period]`` comes ``steps`` times, one behind the other."""

    start: int
    period: int
    steps: int


def blocks(sequence: Sequence[int]) -> list[Block]:
    """The repeated parts of a sequence, those that cover most first chosen, by position.

    >>> blocks([7, *[1, 2, 3] * 20, 9, *[4] * 16])
    [Block(start=1, period=3, steps=20), Block(start=62, period=1, steps=16)]
    """
    found: list[Block] = []
    waiting = [(0, len(sequence))]
    symbols = np.asarray(sequence, dtype=np.int64)
    while waiting:
        low, high = waiting.pop()
        best = _best(symbols[low:high])
        if best is not None:
            block = best._replace(start=best.start + low)
            found.append(block)
            waiting.append((low, block.start))
            waiting.append((block.start + block.period * block.steps, high))
    return sorted(found)


def _best(symbols: npt.NDArray[np.int64]) -> Block | None:
    """The block that leaves out most; of two that are nearly as good, the shorter body."""
    best: Block | None = None
    saved = 0
    for block in _candidates(symbols):
        saves = block.period * (block.steps - 1)
        if best is None or saves > 1.1 * saved:
            best, saved = block, saves
    return best


def _candidates(symbols: npt.NDArray[np.int64]) -> Iterator[Block]:
    n = len(symbols)
    for period in range(1, min(LONGEST, n // LEAST_STEPS) + 1):
        same = symbols[period:] == symbols[:-period]
        breaks = np.flatnonzero(~same)
        edges = np.concatenate(([-1], breaks, [len(same)]))
        gaps = np.diff(edges) - 1
        longest = int(gaps.argmax())
        steps = (int(gaps[longest]) + period) // period
        if steps >= LEAST_STEPS:
            yield Block(int(edges[longest]) + 1, period, steps)
