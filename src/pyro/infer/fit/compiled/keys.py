"""What decides about the random numbers of each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch

from pyro.compile.draws import Key
from pyro.rng import new_seed


@final
class Keys:
    """Keys of steps, by their number.

    :param seeds: Gives each step its seed; by default they follow from one seed and the number of
        the step.
    :ivar seed: That seed, once a key was asked for.
    """

    def __init__(self, seeds: Callable[[], int] | None = None) -> None:
        self._seeds = seeds
        self._last: tuple[int, int] | None = None  # of which step
        self.seed: int | None = None

    @property
    def is_foreseen(self) -> bool:
        """Whether the random numbers of the next step are known before it is made."""
        return self._seeds is None

    def __call__(self, count: int) -> Key:
        """The key of a step."""
        return torch.tensor(self.numbers(count), dtype=torch.float64)

    def numbers(self, count: int) -> tuple[int, int, int]:
        """The halves of a seed, and what tells steps with that seed apart."""
        if self._seeds is not None:
            if self._last is None or self._last[0] != count:
                self._last = count, self._seeds()
            seed, count = self._last[1], 0
        else:
            if self.seed is None:
                self.seed = new_seed()
            seed = self.seed
        return seed & 0xFFFFFFFF, seed >> 32, count
