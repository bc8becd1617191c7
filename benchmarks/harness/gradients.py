"""Timing of a log density together with its gradient."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .timing import Case, emit, measure

RUN = 0.005  # seconds that a run takes at least, by repetition
BUDGET = 0.5  # seconds after which a case is not repeated again


class Scored(NamedTuple):
    """What is timed: ``score()`` anew each time, and the gradient of its sum at ``leaves``."""

    score: Callable[[], Tensor]
    leaves: Sequence[Tensor]

    def evaluate(self) -> Tensor:
        """The mean score; the gradient is taken and dropped."""
        scores = self.score()
        if scores.requires_grad:
            torch.autograd.grad(scores.sum(), self.leaves, allow_unused=True)
        return scores.detach().mean()


def report_scores(
    cases: Mapping[str, Scored | None], library_version: str, repeats: int = 15
) -> None:
    """Measure the processor's time of all cases and print the record.

    None stands for what the library does not have; what it has and cannot do is reported as failed.
    """
    runs: dict[str, Case | None] = {}
    checks: dict[str, float] = {}
    failed: dict[str, str] = {}
    for name, scored in cases.items():
        runs[name] = None
        if scored is None:
            continue
        try:
            checks[name] = float(scored.evaluate())
            runs[name] = _repeated(scored)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    times = measure(runs, repeats, warmups=1, budget=BUDGET, clock=time.process_time)
    emit("evaluation", times, library_version, checks, result="mean", failed=failed)


def _repeated(scored: Scored) -> Case:
    """A case of as many evaluations as fill a run."""
    start = time.perf_counter()
    scored.evaluate()
    units = min(10, 1 + int(RUN / (time.perf_counter() - start)))

    def run() -> None:
        for _ in range(units):
            scored.evaluate()

    return Case(run, units)
