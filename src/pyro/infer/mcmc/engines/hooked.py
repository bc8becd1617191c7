"""A function of the user's is called after each iteration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pyro.infer.mcmc.engines.native import NativeRun
from pyro.infer.mcmc.engines.task import Drawn, Task
from pyro.infer.mcmc.engines.vectorized.run import VectorizedRun
from pyro.infer.mcmc.mcmc_kernel import MCMCKernel, Params
from pyro.infer.mcmc.progress.monitor import Monitor

Hook = Callable[[MCMCKernel, Params, str, int], Any]


class HookedRun:
    """Chains advanced together by one iteration at a time, with a hook called in between.

    :param run: Chains that keep the draws of warm-up.
    :param hook: Called as ``hook(kernel, params, stage, i)`` for each chain, in turn.
    """

    def __init__(
        self, run: NativeRun | VectorizedRun, task: Task, kernel: MCMCKernel, hook: Hook
    ) -> None:
        self._run, self._task, self._kernel, self._hook = run, task, kernel, hook
        self._warmed = 0
        self._drawn = 0

    @property
    def warmup_left(self) -> int:
        """How many iterations of warm-up are still to be made."""
        return self._task.warmup - self._warmed

    def warm_up(self, iterations: int, monitor: Monitor) -> bool:
        """Make so many iterations of warm-up; whether Ctrl-C ended it early."""
        try:
            for _ in range(iterations):
                one = self._run.advance(1, monitor, thinning=1)
                if one.interrupted:
                    return True
                self._warmed += 1
                self._tell(one, "Warmup", self._warmed - 1)
        except KeyboardInterrupt:  # in the hook
            return True
        return False

    def advance(self, draws: int, monitor: Monitor) -> Drawn:
        """Make what is left of warm-up, and then ``draws`` draws of each chain."""
        if self.warm_up(self.warmup_left, monitor):
            return Drawn.none(self._task, interrupted=True)
        drawn = [Drawn.none(self._task)]
        try:
            while len(drawn) <= draws and not drawn[-1].interrupted:
                drawn.append(self._run.advance(1, monitor))
                self._drawn += drawn[-1].draws
                if drawn[-1].draws:
                    self._tell(drawn[-1], "Sample", self._drawn - 1)
        except KeyboardInterrupt:  # in the hook
            drawn[-1].interrupted = True
        return Drawn.joined(drawn)

    def _tell(self, drawn: Drawn, stage: str, i: int) -> None:
        task = self._task
        dtype = task.posterior.reference.dtype
        for chain, place in enumerate(drawn.positions[:, -1]):
            label = f"{stage} [{chain}]" if task.chains > 1 else stage
            self._hook(self._kernel, task.posterior.flat.unflatten(place.to(dtype)), label, i)

    def close(self) -> None:
        """Nothing is held between calls."""

    def save(self) -> list[bytes]:
        """The state of each chain."""
        return self._run.save()

    def load(self, states: Sequence[bytes]) -> None:
        """Put each chain into a saved state."""
        self._run.load(states)
        made, warmup = self._run.iterations, self._task.warmup
        self._warmed = min(made, warmup)
        self._drawn = (made - self._warmed) // self._task.thinning
