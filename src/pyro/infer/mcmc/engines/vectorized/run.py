"""All chains as one batch of tensors: for many chains, for GPUs, and for densities in Python."""

from __future__ import annotations

import io
from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.infer.mcmc.engines.task import Drawn, Task
from pyro.infer.mcmc.engines.vectorized.chain_batch import ChainBatch, Ground, start
from pyro.infer.mcmc.engines.vectorized.draw_buffer import DrawBuffer
from pyro.infer.mcmc.engines.vectorized.learning import Learning
from pyro.infer.mcmc.engines.vectorized.paced_monitor import PacedMonitor
from pyro.infer.mcmc.engines.vectorized.phase import Phase
from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.hmc import HmcState
from pyro.infer.mcmc.progress.monitor import Monitor
from pyro.infer.model.logdensity import LogDensity

_POOL = 16  # chains from which they learn together
_LATER = 1 << 40  # a time that no interrupted run can have reached


class VectorizedRun:
    """Chains that can be advanced, and saved and loaded in between.

    With ``pooled``, chains learn step size and metric together, from as many draws as all have
    made; what a chain does then depends on the others. Without, it depends on the seed and its
    number alone, as far as the density does: sums over a batch may be rounded in another order.

    :param density: That of the task's posterior, for points of shape ``(chains, dim)``.
    :param like: A tensor with the dtype and on the device of points; the posterior's by default.
    :param pooled: By default whether there are 16 chains or more. ChEES always pools.
    :param keep_warmup: Whether warm-up's iterations are draws like all others.
    """

    def __init__(
        self,
        task: Task,
        density: LogDensity,
        *,
        like: Tensor | None = None,
        pooled: bool | None = None,
        keep_warmup: bool = False,
    ) -> None:
        self._task = task
        like = task.posterior.reference if like is None else like
        self._density: LogDensity = density if density.dim else _Constant(density, like)
        kind = task.trajectories.kind
        pooled = kind == "chees" or (task.chains >= _POOL if pooled is None else pooled)
        self._state = self._at(task.starts.to(like))
        numbers = torch.arange(task.chains, device=like.device) + task.first_chain
        self._generator = ChainGenerator(task.seed, numbers)
        self._learning = Learning(task, self._density, like, pooled)
        self._keep_warmup = keep_warmup
        self._gradients = task.chains

    def _at(self, position: Tensor) -> HmcState:
        """Chains at positions, with the log densities and gradients there."""
        if self._task.trajectories.kind == "walk":
            value, gradient = self._density.value(position), torch.zeros_like(position)
        else:
            value, gradient = self._density.value_and_grad(position)
        return HmcState(position.clone(), gradient.clone(), value.double())

    @property
    def iterations(self) -> int:
        """How many iterations all chains have made, warm-up included."""
        return self._learning.index

    @property
    def warmup_left(self) -> int:
        """How many iterations of warm-up are still to be made."""
        return 0 if self._keep_warmup else self._learning.left_in_all

    def warm_up(self, iterations: int, monitor: Monitor) -> bool:
        """Make so many iterations of warm-up; more, to the end of a window, if chains are pooled.

        Pooled chains meet at the ends of windows only: so what they learn does not depend on how a
        run is cut.

        :return: Whether Ctrl-C ended it early.
        """
        shown = PacedMonitor(monitor, self._task.chains, self._state.position.device)
        learning = self._learning
        try:
            while iterations > 0 and learning.left:
                length = learning.left if learning.pooled else min(iterations, learning.left)
                self._segment(length, shown)
                iterations -= length
        except KeyboardInterrupt:
            return True
        return False

    def advance(self, draws: int, monitor: Monitor, thinning: int | None = None) -> Drawn:
        """Warm up, if that is still to be done, and make ``draws`` draws of each chain.

        After Ctrl-C the draws that all chains have are returned, with ``interrupted`` set; chains
        go on from their last draws, and what was learnt since the last window or draw is lost.

        :param thinning: In place of the task's.
        """
        task, place = self._task, self._state.position
        thinning = task.thinning if thinning is None else thinning
        buffer = DrawBuffer(task.chains, draws, self._density.dim, place, thinning)
        shown = PacedMonitor(monitor, task.chains, place.device)
        if self.warm_up(self.warmup_left, monitor):
            return Drawn.none(task, interrupted=True)
        made, interrupted = 0, False
        try:
            while made < draws * thinning:
                left = self._learning.left
                length = min(draws * thinning - made, left or draws * thinning)
                self._segment(length, shown, buffer, made)
                made += length
        except KeyboardInterrupt:
            interrupted = True
            self._adopt(buffer)
        return buffer.drawn(self._gradients, interrupted)

    def _adopt(self, buffer: DrawBuffer) -> None:
        """Let chains go on from the last draws that they have made before an interruption."""
        self._state = self._at(buffer.last_positions(self._state.position))
        self._generator = self._generator.at(self._generator.time + _LATER)

    def _segment(
        self, length: int, shown: PacedMonitor, buffer: DrawBuffer | None = None, made: int = 0
    ) -> None:
        """Some transitions of each chain, inside of one window of the warm-up or after it.

        :param made: How many of each chain are in the buffer.
        """
        learning = self._learning
        learning.prepare(self._state, self._generator)
        phase = Phase(self._batch(), self._state, length)
        before = (learning.index, self._gradients)

        def heed(chains: Tensor, count: Tensor, finished: Finished) -> None:
            if buffer is not None:
                buffer.write(chains, count + made if made else count, finished)
            if bool(finished.statistics[6].any()):
                shown.diverged(chains, finished)
                if buffer is not None:
                    buffer.remember_places(chains, finished)
            learning.learn(chains, finished)
            shown.saw(chains, finished, phase, before, learning.step_size())

        try:
            phase.run(learning.step_size, heed)
        finally:
            self._gradients += phase.gradients
            if buffer is not None:
                buffer.seen = phase.done + made
        self._state = phase.state
        self._generator = self._generator.at(phase.time)
        learning.length = phase.batch.length
        learning.close(length)

    def _batch(self) -> ChainBatch:
        learning = self._learning
        generator = self._generator.at(self._generator.time)
        ground = Ground(self._density, learning.metric, generator, learning.length)
        return start(
            ground,
            self._state,
            self._task.trajectories,
            learning.index,
            learning.left > 0,
        )

    def move(self, places: Tensor) -> None:
        """Let the next iterations begin at places of shape ``(chains, dim)``."""
        self._state = self._at(places.to(self._state.position))

    def close(self) -> None:
        """Nothing is held between calls."""

    def save(self) -> list[bytes]:
        """The state of all chains together, between two calls."""
        file = io.BytesIO()
        torch.save(
            {
                "state": tuple(self._state),
                "time": self._generator.time,
                "learning": self._learning.save(),
                "gradients": self._gradients,
            },
            file,
        )
        return [file.getvalue()]

    def load(self, states: Sequence[bytes]) -> None:
        """Put all chains into a saved state; the task and the density must be the same."""
        (saved,) = states
        device = self._state.position.device
        found = torch.load(io.BytesIO(saved), weights_only=True, map_location=device)
        self._state = HmcState(*found["state"])
        self._generator = self._generator.at(found["time"])
        self._learning.load(found["learning"])
        self._gradients = found["gradients"]


class _Constant:
    """A density without coordinates, evaluated once."""

    dim = 0

    def __init__(self, density: LogDensity, like: Tensor) -> None:
        self._value = density.value(like.new_zeros(0))

    def value(self, x: Tensor) -> Tensor:
        """The one value for each chain."""
        return self._value.expand(x.shape[:-1])

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The one value for each chain, and nothing."""
        return self.value(x), torch.zeros_like(x)
