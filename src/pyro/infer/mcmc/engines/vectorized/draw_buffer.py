"""Where draws go as they come."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.infer.mcmc.engines.task import STATISTICS, Drawn
from pyro.infer.mcmc.kernels.finished import Finished

_MOST_PLACES = 10_000  # of divergences are remembered, of all chains together


class DrawBuffer:
    """Draws with their statistics, of chains that are not equally far.

    ``seen`` is how many transitions of each chain are written, ``(chains,)``.

    :param like: A tensor with the dtype and on the device of positions.
    :param thinning: Every so many transitions give a draw.
    """

    def __init__(self, chains: int, draws: int, dim: int, like: Tensor, thinning: int) -> None:
        self.positions = like.new_zeros(chains, draws, dim)
        self._statistics = torch.zeros(
            len(STATISTICS), chains, draws, dtype=torch.double, device=like.device
        )
        self._thinning = thinning
        self._draws = draws
        self.seen = torch.zeros(chains, dtype=torch.long, device=like.device)
        self._places: list[tuple[Tensor, Tensor]] = []
        self._room = _MOST_PLACES

    def write(self, chains: Tensor, done: Tensor, finished: Finished) -> None:
        """Take transitions in.

        :param chains: Whose they are, ``(n,)``.
        :param done: How many transitions these chains had made before, ``(n,)``.
        """
        position, statistics = finished.position, finished.statistics
        if self._thinning > 1:
            kept = ((done + 1) % self._thinning == 0).nonzero()[:, 0]
            chains, done = chains[kept], done[kept].div(self._thinning, rounding_mode="floor")
            position, statistics = position[kept], statistics[:, kept]
        place = torch.add(done, chains, alpha=self._draws)
        self.positions.flatten(0, 1).index_copy_(0, place, position)
        self._statistics.flatten(1, 2).index_copy_(1, place, statistics)

    def remember_places(self, chains: Tensor, finished: Finished) -> None:
        """Note where trajectories have diverged."""
        if self._room <= 0:
            return
        rows = finished.diverging.nonzero()[: self._room, 0]
        self._room -= len(rows)
        self._places.append((chains[rows], finished.last[rows]))

    def last_positions(self, otherwise: Tensor) -> Tensor:
        """The last draws of the chains, ``(chains, dim)``; of chains without any, others."""
        rows = self.seen.div(self._thinning, rounding_mode="floor")
        chains = (rows > 0).nonzero()[:, 0]
        return otherwise.index_copy(0, chains, self.positions[chains, rows[chains] - 1])

    def drawn(self, gradients: int, interrupted: bool) -> Drawn:
        """The draws that all chains have."""
        rows = int(self.seen.min()) // self._thinning
        return Drawn(
            positions=self.positions[:, :rows].double().cpu(),
            statistics=self._named(self._statistics[:, :, :rows].cpu()),
            divergences=self._divergences(),
            gradients=gradients,
            interrupted=interrupted,
        )

    def _named(self, table: Tensor) -> dict[str, Tensor]:
        found = dict(zip(STATISTICS, table.unbind(0), strict=True))
        for name in ("tree_depth", "n_steps"):
            found[name] = found[name].long()
        found["diverging"] = found["diverging"] > 0
        return found

    def _divergences(self) -> list[Tensor]:
        """For each chain, where trajectories diverged, ``(n, dim)``."""
        chains, _, dim = self.positions.shape
        if not self._places:
            return [torch.zeros(0, dim, dtype=torch.double) for _ in range(chains)]
        whose = torch.cat([chain for chain, _ in self._places]).cpu()
        places = torch.cat([place for _, place in self._places]).double().cpu()
        return [places[whose == chain] for chain in range(chains)]
