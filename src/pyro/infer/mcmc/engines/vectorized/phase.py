"""A number of transitions of each chain of a batch, in which none waits for another."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pyro.infer.mcmc.engines.vectorized.chain_batch import ChainBatch
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.hmc import HmcState

Heed = Callable[[Tensor, Tensor, Finished], None]


class Phase:
    """``length`` transitions of each chain.

    A chain that has made them stays in the batch, unheeded, until half of the chains have; then the
    batch is made smaller.

    :param batch: All chains, at the beginning of a transition.
    :param state: Where they are; in the end, where each has arrived.
    """

    def __init__(self, batch: ChainBatch, state: HmcState, length: int) -> None:
        self.batch = batch
        self.state = HmcState(*(x.clone() for x in state))
        self.time = batch.generator.time
        self.done = torch.zeros(len(state.position), dtype=torch.long, device=self.time.device)
        self.gradients = 0
        self._length = length
        self._rows: Tensor | None = None  # of the batch's chains; None for all
        self._left = len(self.done) if length else 0
        self._resting = False
        self._steps = 0  # of the batch; no chain completes more than one transition in each

    def run(self, step_size: Callable[[], Tensor], heed: Heed) -> None:
        """Make the transitions.

        :param step_size: Gives those of all chains, ``(chains,)``.
        :param heed: Called with the chains that have completed a transition, the numbers of
            transitions that they had made before, and the transitions.
        """
        while self._left:
            steps = step_size()
            self._steps += 1
            finished = self.batch.step(steps if self._rows is None else steps[self._rows])
            self.gradients += self.batch.cost(finished)
            chains = finished.chains if self._rows is None else self._rows[finished.chains]
            count = self.done[chains]
            if self._resting:
                kept = (count < self._length).nonzero()[:, 0]
                chains, count, finished = chains[kept], count[kept], finished.select(kept)
            if not len(chains):
                continue
            heed(chains, count, finished)
            count += 1
            self.done.index_copy_(0, chains, count)
            if self._steps >= self._length:
                self._rest(chains, (count == self._length).nonzero()[:, 0], finished)

    def _rest(self, chains: Tensor, arrived: Tensor, finished: Finished) -> None:
        """Note where chains are that have made all their transitions."""
        if not len(arrived):
            return
        finished, chains = finished.select(arrived), chains[arrived]
        self.state.position[chains] = finished.position
        self.state.gradient[chains] = finished.gradient
        self.state.log_density[chains] = finished.log_density
        self.time[chains] = self.batch.generator.time[finished.chains]
        self._left -= len(chains)
        self._resting = True
        size = len(self.done) if self._rows is None else len(self._rows)
        if self._left and 2 * self._left <= size:
            self._shrink()

    def _shrink(self) -> None:
        done = self.done if self._rows is None else self.done[self._rows]
        kept = (done < self._length).nonzero()[:, 0]
        self.batch = self.batch.select(kept)
        self._rows = kept if self._rows is None else self._rows[kept]
        self._resting = False
