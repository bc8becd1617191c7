"""Chains in other processes, or wherever an executor computes: each chain goes leg by leg."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

import torch

from pyro.errors import CheckpointError
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.engines.leg import Done, Order, run_leg, tensors
from pyro.infer.mcmc.engines.task import Drawn, Task
from pyro.infer.mcmc.engines.workers import Workers, is_lost
from pyro.infer.mcmc.progress.monitor import ChainView, Monitor

_COUNT = struct.Struct("<q")
_LEG_SECONDS = 0.5
_FIRST_LEG = 10
_LOSSES = 5  # of workers, until a run gives up


@dataclass
class _Chain:
    """What is known of one chain between two legs."""

    number: int
    state: bytes | None = None
    iterations: int = 0
    gradients: int = 0
    step_size: float = math.nan
    divergences: int = 0
    pace: int = _FIRST_LEG  # iterations that a worker makes in about a leg's time
    parts: list[Done] = field(default_factory=list)
    rows: int = 0

    def view(self) -> ChainView:
        return ChainView(self.iterations, self.divergences, self.gradients, self.step_size, 0)


class ParallelRun:
    """Chains that are advanced by workers.

    A leg is a few iterations of one chain, from its state to its next one. A worker that is lost
    costs its leg, which is made again elsewhere. Draws depend on the seed and the number of the
    chain alone.

    :param workers: They are given an :class:`~pyro.infer.mcmc.engines.leg.Errand`.
    """

    def __init__(self, task: Task, workers: Workers) -> None:
        self._task = task
        self._workers = workers
        self._chains = [_Chain(number) for number in range(task.chains)]
        self._losses = 0

    @property
    def warmup_left(self) -> int:
        """How many iterations of warm-up are still to be made."""
        made = min((chain.iterations for chain in self._chains), default=0)
        return max(0, self._task.warmup - made)

    def warm_up(self, iterations: int, monitor: Monitor) -> bool:
        """Make so many iterations of warm-up; whether Ctrl-C ended it early."""
        goal = self._task.warmup - self.warmup_left + iterations
        return self._work(min(goal, self._task.warmup), 0, monitor)

    def advance(self, draws: int, monitor: Monitor) -> Drawn:
        """Make what is left of warm-up, and then ``draws`` draws of each chain."""
        for chain in self._chains:
            chain.parts, chain.rows = [], 0
        interrupted = self._work(self._task.warmup, draws, monitor)
        rows = min((chain.rows for chain in self._chains), default=0)
        if not rows:
            return Drawn.none(self._task, interrupted)
        found = [tensors(chain.parts) for chain in self._chains]
        return Drawn(
            positions=torch.stack([positions[:rows] for positions, _, _ in found]),
            statistics={
                name: torch.stack([statistics[name][:rows] for _, statistics, _ in found])
                for name in found[0][1]
            },
            divergences=[places for _, _, places in found],
            gradients=sum(chain.gradients for chain in self._chains),
            interrupted=interrupted,
        )

    def _work(self, warmup: int, draws: int, monitor: Monitor) -> bool:
        """Bring each chain to an iteration of warm-up and a number of draws."""
        pending: dict[Future[Done], _Chain] = {}
        interrupted = False
        try:
            for chain in self._chains:
                self._send(chain, warmup, draws, pending)
            while pending:
                done, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    chain = pending.pop(future)
                    self._receive(future, chain, warmup, draws, pending)
                monitor.show([chain.view() for chain in self._chains])
        except KeyboardInterrupt:
            interrupted = True
            self._last(pending)
        except BaseException:
            for future in pending:
                future.cancel()
            raise
        return interrupted

    def close(self) -> None:
        """End the processes; they are started again when they are needed."""
        self._workers.close()

    def _send(
        self, chain: _Chain, warmup: int, draws: int, pending: dict[Future[Done], _Chain]
    ) -> None:
        """Give the next leg of a chain to a worker, if there is one."""
        left = warmup - chain.iterations
        if left > 0:
            order = Order(chain.number, chain.state, min(left, chain.pace), 0)
        elif chain.rows < draws:
            count = max(1, chain.pace // self._task.thinning)
            order = Order(chain.number, chain.state, 0, min(draws - chain.rows, count))
        else:
            return
        try:
            pending[self._workers.submit(run_leg, order)] = chain
        except Exception as error:
            self._lost(error)
            pending[self._workers.submit(run_leg, order)] = chain

    def _receive(
        self,
        future: Future[Done],
        chain: _Chain,
        warmup: int,
        draws: int,
        pending: dict[Future[Done], _Chain],
    ) -> None:
        try:
            self._take(future.result(), chain)
        except Exception as error:
            self._lost(error)
        self._send(chain, warmup, draws, pending)

    def _lost(self, error: Exception) -> None:
        """Go on without a worker, if that is what the error says."""
        if not is_lost(error):
            raise error
        self._losses += 1
        if self._losses > _LOSSES * len(self._chains):
            raise InferenceError(
                f"MCMC: workers were lost {self._losses} times, the last time by {error!r}; "
                "perhaps they run out of memory"
            ) from error
        self._workers.replace()

    def _take(self, done: Done, chain: _Chain) -> None:
        made = done.iterations - chain.iterations
        fits = int(made * _LEG_SECONDS / max(done.seconds, 1e-3))
        chain.pace = max(1, min(4 * chain.pace, fits))
        chain.state, chain.iterations, chain.gradients = done.state, done.iterations, done.gradients
        if len(done.positions):
            chain.parts.append(done)
            chain.rows += len(done.positions)
            chain.divergences += int(done.statistics["diverging"].sum())
            chain.step_size = float(done.statistics["step_size"][-1])

    def _last(self, pending: dict[Future[Done], _Chain]) -> None:
        """After Ctrl-C: take the legs that are under way."""
        try:
            for future, chain in pending.items():
                if not future.cancel():
                    self._take(future.result(), chain)
        except KeyboardInterrupt:
            return
        except Exception as error:
            if not is_lost(error):
                raise

    def save(self) -> list[bytes]:
        """The state of each chain, and before it how many iterations it has made."""
        return [_COUNT.pack(chain.iterations) + (chain.state or b"") for chain in self._chains]

    def load(self, states: Sequence[bytes]) -> None:
        """Put each chain into a saved state."""
        if len(states) != len(self._chains):
            raise CheckpointError(f"there are {len(states)} states for {len(self._chains)} chains")
        for chain, state in zip(self._chains, states, strict=True):
            (chain.iterations,) = _COUNT.unpack_from(state)
            chain.state = state[_COUNT.size :] or None
