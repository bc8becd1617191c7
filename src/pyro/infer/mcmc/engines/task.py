"""What an engine is asked to do, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pyro.infer.mcmc.trajectories import Trajectories
from pyro.infer.model.posterior import Posterior

STATISTICS = (
    "lp",
    "energy",
    "acceptance_rate",
    "step_size",
    "tree_depth",
    "n_steps",
    "diverging",
)
"""The names of the statistics of each draw, as ArviZ calls them."""


@dataclass(frozen=True)
class Task:
    """Chains of one posterior: ``starts`` is of shape ``(chains, dim)``, in double precision.

    What chain ``i`` does depends on the seed and ``first_chain + i`` alone. ``thinning`` iterations
    are made for each draw.
    """

    posterior: Posterior
    trajectories: Trajectories
    starts: Tensor
    seed: int
    warmup: int
    draws: int
    thinning: int = 1
    first_chain: int = 0

    @property
    def chains(self) -> int:
        """How many chains."""
        return self.starts.shape[0]


@dataclass
class Drawn:
    """The draws of all chains after warm-up.

    :param positions: Unconstrained, of shape ``(chains, draws, dim)``.
    :param statistics: By name (see :data:`STATISTICS`), of shape ``(chains, draws)``.
    :param divergences: For each chain, the places where trajectories diverged, ``(n, dim)``.
    :param gradients: Evaluations of the density in all, warm-up included.
    :param interrupted: Whether Ctrl-C ended the run early.
    """

    positions: Tensor
    statistics: dict[str, Tensor]
    divergences: list[Tensor] = field(default_factory=list)
    gradients: int = 0
    interrupted: bool = False

    @property
    def draws(self) -> int:
        """How many draws each chain has."""
        return self.positions.shape[1]

    @staticmethod
    def none(task: Task, interrupted: bool = False) -> Drawn:
        """No draws."""
        empty = torch.zeros(task.chains, 0)
        return Drawn(
            positions=torch.zeros(task.chains, 0, task.posterior.dim, dtype=torch.double),
            statistics=dict.fromkeys(STATISTICS, empty),
            divergences=[torch.zeros(0, task.posterior.dim, dtype=torch.double)] * task.chains,
            interrupted=interrupted,
        )

    @staticmethod
    def joined(parts: Sequence[Drawn]) -> Drawn:
        """Draws of the same chains, one part after the other; empty parts do not count."""
        some = [part for part in parts if part.draws] or [parts[-1]]
        return Drawn(
            positions=torch.cat([part.positions for part in some], 1),
            statistics={
                name: torch.cat([part.statistics[name] for part in some], 1)
                for name in some[0].statistics
            },
            divergences=[
                torch.cat(places)
                for places in zip(*(part.divergences for part in some), strict=True)
            ],
            gradients=parts[-1].gradients,
            interrupted=parts[-1].interrupted,
        )
