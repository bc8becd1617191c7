"""Chains in machine code: threads outside of Python, over a compiled density or a Python one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyro.infer.mcmc.engines.specification import kernel_config
from pyro.infer.mcmc.engines.task import Drawn, Task
from pyro.infer.mcmc.progress.monitor import ChainView, Monitor
from pyro.native import ChainProgress, DensitySpec, Output, Sampler


class NativeRun:
    """Chains that can be advanced, and saved and loaded in between.

    :param density: That of the task's posterior, as the samplers call it.
    :param threads: At most so many; by default one per processor.
    :param keep_warmup: Whether warm-up's iterations are draws like all others.
    """

    def __init__(
        self,
        task: Task,
        density: DensitySpec,
        threads: int | None = None,
        keep_warmup: bool = False,
    ) -> None:
        self._task = task
        self._threads = threads
        config = kernel_config(task.trajectories, task.posterior.flat, task.warmup)
        starts = task.starts.double().numpy()
        self._sampler = Sampler(density, config, starts, task.seed, first_chain=task.first_chain)
        self._keep_warmup = keep_warmup
        self._left = 0 if keep_warmup else task.warmup

    @property
    def gradients(self) -> int:
        """How many evaluations of the density all chains have made."""
        return sum(seen.gradients for seen in self._sampler.progress())

    def close(self) -> None:
        """Nothing is let go: threads end with each call."""

    @property
    def iterations(self) -> int:
        """How many iterations all chains have made, warm-up included."""
        return min((seen.iteration for seen in self._sampler.progress()), default=0)

    @property
    def warmup_left(self) -> int:
        """How many iterations of warm-up are still to be made."""
        return self._left

    def warm_up(self, iterations: int, monitor: Monitor) -> bool:
        """Make so many iterations of warm-up.

        :return: Whether Ctrl-C ended it early.
        """
        nothing = Output.allocate(self._task.chains, 0, self._task.posterior.dim, divergences=0)
        interrupted = self._advance(iterations, nothing, -iterations, 1, monitor)
        self._left = max(0, self._left - self._rows())
        return interrupted

    def _rows(self) -> int:
        """How many rows all chains have made in the last call."""
        return min((seen.rows for seen in self._sampler.progress()), default=0)

    def advance(self, draws: int, monitor: Monitor, thinning: int | None = None) -> Drawn:
        """Warm up, if that is still to be done, and make ``draws`` draws of each chain.

        :param thinning: In place of the task's.

        After Ctrl-C the draws that all chains have are returned, with ``interrupted`` set.
        """
        task = self._task
        before, each = self._left, task.thinning if thinning is None else thinning
        output = Output.allocate(task.chains, draws, task.posterior.dim)
        interrupted = self._advance(before + draws, output, -before, each, monitor)
        rows = self._rows()
        self._left = max(0, before - rows)
        return _collect(output, max(0, rows - before), self._sampler.progress(), interrupted)

    def _advance(
        self, rows: int, output: Output, first: int, thinning: int, monitor: Monitor
    ) -> bool:
        """Make rows; whether Ctrl-C ended it early."""
        try:
            self._sampler.advance(
                rows,
                output,
                first=first,
                thinning=thinning,
                threads=self._threads,
                on_progress=lambda seen: monitor.show(list(map(_view, seen))),
            )
        except KeyboardInterrupt:
            return True
        return False

    def move(self, places: Tensor) -> None:
        """Let the next iterations begin at places of shape ``(chains, dim)``."""
        self._sampler.move(places.double().numpy())

    def save(self) -> list[bytes]:
        """The state of each chain."""
        return self._sampler.save()

    def load(self, states: Sequence[bytes]) -> None:
        """Put each chain into a saved state."""
        self._sampler.load(states)
        self._left = 0 if self._keep_warmup else max(0, self._task.warmup - self.iterations)


class _Named(NamedTuple):
    name: str
    field: str


_FIELDS = (
    _Named("lp", "log_density"),
    _Named("energy", "energy"),
    _Named("acceptance_rate", "accept_statistic"),
    _Named("step_size", "step_size"),
    _Named("tree_depth", "tree_depth"),
    _Named("n_steps", "leapfrogs"),
    _Named("diverging", "diverging"),
)


def _collect(
    output: Output, rows: int, progress: Sequence[ChainProgress], interrupted: bool
) -> Drawn:
    divergences = [
        torch.from_numpy(output.divergence_positions[chain, : seen.divergence_rows].copy())
        for chain, seen in enumerate(progress)
    ]
    return Drawn(
        positions=torch.from_numpy(np.ascontiguousarray(output.draws[:, :rows])),
        statistics={
            name: torch.from_numpy(np.ascontiguousarray(getattr(output, field)[:, :rows]))
            for name, field in _FIELDS
        },
        divergences=divergences,
        gradients=sum(seen.gradients for seen in progress),
        interrupted=interrupted,
    )


def _view(seen: ChainProgress) -> ChainView:
    return ChainView(
        iteration=seen.iteration,
        divergences=seen.divergences,
        gradients=seen.gradients,
        step_size=seen.step_size,
        tree_depth=seen.tree_depth,
    )
