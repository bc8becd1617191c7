"""Time of one step of eight schools, made by a loop over ``svi.step`` and by ``svi.run``.

The programs are those of ``eight_schools_step``, with the guide of full rank. A run is 200 steps;
the difference of the two cases is what windows, history and snapshots cost. The peer has no
``run`` that takes steps.
"""

from __future__ import annotations

import eight_schools
import torch
from harness.timing import THREADS, Case, emit, measure

import pyro
from pyro import infer
from pyro.optim import Adam

torch.set_num_threads(THREADS)
pyro.set_rng_seed(0)

STEPS = 200
DATA = eight_schools.STDDEV, eight_schools.EFFECT


def fitted() -> infer.SVI:
    """A fit that goes on from run to run."""
    return infer.SVI(
        eight_schools.model, eight_schools.guide, Adam({"lr": 0.01}), infer.Trace_ELBO()
    )


def loop() -> Case:
    """What users write by hand."""
    svi, losses = fitted(), []

    def run() -> None:
        losses.extend([svi.step(*DATA) for _ in range(STEPS)])

    return Case(run, units=STEPS)


def whole_run() -> Case | None:
    """``svi.run``, if there is one."""
    if not hasattr(infer, "SVIResult"):
        return None
    svi = fitted()
    return Case(lambda: svi.run(STEPS, *DATA, progress=False), units=STEPS)


if __name__ == "__main__":
    times = measure({"loop over step": loop(), "svi.run": whole_run()}, repeats=15)
    emit("step", times, pyro.__version__)
