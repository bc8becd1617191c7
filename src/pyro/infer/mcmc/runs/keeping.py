"""What becomes of the draws of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyro.infer.mcmc.results.mcmc_result import MCMCResult
from pyro.infer.mcmc.results.store import DrawStore

Take = Callable[[MCMCResult, int], None]  # a piece, and the number of its first chain


@dataclass(frozen=True)
class Keeping:
    """Draws stay in memory, unless ``take`` gets them; with a ``store`` they are written to it.

    :param every: How many draws of each chain are a piece; None for all at once.
    :param store: Where pieces and states are committed.
    :param resume: Whether the run in the store is gone on with.
    :param take: Is given each piece, which is not kept then.
    """

    every: int | None = None
    store: DrawStore | None = None
    resume: bool = False
    take: Take | None = None


def forget(piece: MCMCResult, first_chain: int) -> None:
    """Keep nothing: the piece is on disk."""
