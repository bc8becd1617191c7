"""Tells a monitor of a batch of chains, a few times a second."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from pyro.infer.mcmc.engines.vectorized.phase import Phase
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.progress.monitor import ChainView, Monitor, Silence

_EVERY = 0.2  # seconds


class PacedMonitor:
    """Shows what chains do when it is time.

    :param monitor: What is told.
    """

    def __init__(self, monitor: Monitor, chains: int, device: torch.device) -> None:
        self._monitor = monitor
        self._divergences = torch.zeros(chains, dtype=torch.long, device=device)
        self._depths = torch.zeros_like(self._divergences)
        self._last = time.monotonic() if type(monitor) is not Silence else math.inf

    def diverged(self, chains: Tensor, finished: Finished) -> None:
        """Some of the transitions of these chains have diverged."""
        self._divergences[chains] += finished.diverging.long()

    def saw(
        self,
        chains: Tensor,
        finished: Finished,
        phase: Phase,
        before: tuple[int, int],
        steps: Tensor,
    ) -> None:
        """Transitions of chains are complete.

        :param chains: Whose, ``(n,)``.
        :param before: Iterations of each chain, and gradients of all, before the phase.
        :param steps: The step sizes of all chains.
        """
        if time.monotonic() - self._last < _EVERY:
            return
        self._depths[chains] = finished.statistics[4].long()
        iterations, gradients = before
        columns = zip(
            (phase.done + iterations).tolist(),
            self._divergences.tolist(),
            steps.tolist(),
            self._depths.tolist(),
            strict=True,
        )
        share = (gradients + phase.gradients) // len(phase.done)
        self._monitor.show(
            [ChainView(i, bad, share, step, depth) for i, bad, step, depth in columns]
        )
        self._last = time.monotonic()
