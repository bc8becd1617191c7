"""Chains that a run advances piece by piece, whatever computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pyro.infer.mcmc.engines.task import Drawn
from pyro.infer.mcmc.progress.monitor import Monitor


class Chains(Protocol):
    """All chains of a task; what they draw does not depend on how a run is cut into pieces."""

    @property
    def warmup_left(self) -> int:
        """How many iterations of warm-up are still to be made."""
        ...

    def warm_up(self, iterations: int, monitor: Monitor) -> bool:
        """Make so many iterations of warm-up.

        :return: Whether Ctrl-C ended it early.
        """
        ...

    def advance(self, draws: int, monitor: Monitor) -> Drawn:
        """Make what is left of warm-up, and then ``draws`` draws of each chain."""
        ...

    def close(self) -> None:
        """Let go, until the next call, of what can be had again."""
        ...

    def save(self) -> list[bytes]:
        """The state of the chains, between two calls."""
        ...

    def load(self, states: Sequence[bytes]) -> None:
        """Put the chains into a saved state."""
        ...
