"""Chains in machine code: threads outside of Python, over a compiled density or a Python one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from pyro.infer.mcmc.monitor import ChainView, Monitor
from pyro.infer.mcmc.specification import kernel_config
from pyro.infer.mcmc.task import Drawn, Task
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
        self._warm = keep_warmup or task.warmup == 0

    def advance(self, draws: int, monitor: Monitor, thinning: int | None = None) -> Drawn:
        """Warm up, if that is still to be done, and make ``draws`` draws of each chain.

        :param thinning: In place of the task's.

        After Ctrl-C the draws that all chains have are returned, with ``interrupted`` set.
        """
        task = self._task
        before = 0 if self._warm else task.warmup
        output = Output.allocate(task.chains, draws, task.posterior.dim)
        interrupted = False
        try:
            self._sampler.advance(
                before + draws,
                output,
                first=-before,
                thinning=task.thinning if thinning is None else thinning,
                threads=self._threads,
                on_progress=lambda seen: monitor.show(list(map(_view, seen))),
            )
        except KeyboardInterrupt:
            interrupted = True
        progress = self._sampler.progress()
        rows = max(0, min((seen.rows for seen in progress), default=0) - before)
        self._warm = self._warm or rows > 0 or not interrupted
        return _collect(output, rows, progress, interrupted)

    def save(self) -> list[bytes]:
        """The state of each chain."""
        return self._sampler.save()

    def load(self, states: Sequence[bytes], warm: bool) -> None:
        """Put each chain into a saved state.

        :param warm: Whether that is a state after warm-up.
        """
        self._sampler.load(states)
        self._warm = warm


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
