"""What a step of a kernel tells of the transitions that it has completed."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Finished(NamedTuple):
    """The transitions that a step has completed, of ``n`` chains.

    :param chains: The rows of these chains in the batch, ``(n,)``.
    :param position: Where they are now, ``(n, dim)``.
    :param gradient: The gradient of the log density there, ``(n, dim)``.
    :param statistics: In the order of ``STATISTICS`` in :mod:`pyro.infer.mcmc.engines.task`,
        ``(7, n)``, in double precision: log density, energy, acceptance rate, step size, tree
        depth, leapfrog steps, whether the transition diverged.
    :param last: Where their trajectories ended, ``(n, dim)``: where they diverged, if they did.
    """

    chains: Tensor
    position: Tensor
    gradient: Tensor
    statistics: Tensor
    last: Tensor

    @property
    def log_density(self) -> Tensor:
        """The log density, ``(n,)``."""
        return self.statistics[0]

    @property
    def acceptance(self) -> Tensor:
        """The acceptance rates, ``(n,)``."""
        return self.statistics[2]

    @property
    def step_size(self) -> Tensor:
        """The step sizes, ``(n,)``."""
        return self.statistics[3]

    @property
    def diverging(self) -> Tensor:
        """Whether the transitions diverged, ``(n,)``."""
        return self.statistics[6] > 0

    def select(self, rows: Tensor) -> Finished:
        """Some of the transitions."""
        return Finished(
            self.chains[rows],
            self.position[rows],
            self.gradient[rows],
            self.statistics[:, rows],
            self.last[rows],
        )
