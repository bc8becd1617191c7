"""What is shown of chains while they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class ChainView(NamedTuple):
    """What is seen of one chain; ``iteration`` counts from the start of warm-up."""

    iteration: int
    divergences: int
    gradients: int
    step_size: float
    tree_depth: int


class Monitor(Protocol):
    """Is told of all chains now and then, in the thread that called ``MCMC.run``."""

    def show(self, chains: Sequence[ChainView]) -> None:
        """Tell what is seen of each chain."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


class Silence:
    """Shows nothing."""

    def show(self, chains: Sequence[ChainView]) -> None:
        """Nothing is shown."""

    def close(self) -> None:
        """Nothing was shown."""
