"""Chains that start from exact draws stay exact, whatever kernel moves them.

Each Kolmogorov-Smirnov test below fails by chance with probability 1e-4; seeds are fixed.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from pyro.infer.mcmc.engines.vectorized.run import VectorizedRun
from pyro.infer.mcmc.kernels import ChainGenerator, nuts
from pyro.infer.mcmc.kernels.metric import DenseMetric, DiagonalMetric, Metric
from pyro.infer.mcmc.progress.monitor import Silence
from pyro.infer.mcmc.trajectories import Kind
from tests.infer.mcmc.kernels import reference
from tests.infer.mcmc.kernels.targets import TARGETS, Target, correlated, task

KERNELS: dict[str, tuple[Kind, dict[str, Any]]] = {
    "nuts": ("nuts", {"step_size": 0.7}),
    "shallow": ("nuts", {"step_size": 0.2, "max_tree_depth": 2}),
    "slices": ("nuts", {"step_size": 0.7, "multinomial": False}),
    "hmc": ("hmc", {"step_size": 0.7, "num_steps": 3}),
    "chees": ("chees", {"step_size": 0.5, "trajectory_length": 2.0}),
    "walk": ("walk", {"step_size": 1.0}),
}


def same_law(ours: Tensor, theirs: Tensor) -> None:
    for a, b in zip(ours.T, theirs.T, strict=True):
        assert stats.ks_2samp(a.numpy(), b.numpy()).pvalue > 1e-4


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_exact_draws_stay_exact(kernel: str, target: str) -> None:
    density = TARGETS[target]()
    kind, options = KERNELS[kernel]
    starts = density.draw(3000)
    run = VectorizedRun(task(density, kind, 3000, 0, 4, starts=starts, **options), density)
    drawn = run.advance(4, Silence())
    moved = drawn.positions[:, -1]
    assert (moved != starts).any(-1).double().mean() > 0.5
    same_law(moved, density.draw(3000))
    same_law(moved.square(), density.draw(3000).square())


@pytest.mark.parametrize(
    "metric",
    [
        DiagonalMetric(torch.tensor([1.0, 2.0], dtype=torch.double)),
        DenseMetric(torch.tensor([[1.0, 0.0], [1.8, 0.9]], dtype=torch.double)),
    ],
)
def test_metrics_leave_the_law_alone(metric: Metric) -> None:
    density, chains = correlated(), 2000
    start = density.draw(chains)
    generator = ChainGenerator(3, torch.arange(chains))
    step = torch.full((chains,), 0.8, dtype=torch.double)
    state = nuts.init(start, *density.value_and_grad(start))
    last = start.clone()
    made = torch.zeros(chains)
    while made.min() < 3:
        state, done = nuts.step(state, density, metric=metric, step_size=step, generator=generator)
        rows = done.chains[made[done.chains] < 3]
        last[rows] = done.position[made[done.chains] < 3]
        made[rows] += 1
    same_law(last, density.draw(chains))


def _one_transition(density: Target, start: Tensor, step: float) -> tuple[Tensor, Tensor]:
    starts = start.expand(3000, -1)
    drawn = VectorizedRun(
        task(density, "nuts", 3000, 0, 1, starts=starts, step_size=step), density
    ).advance(1, Silence())
    return drawn.positions[:, 0], drawn.statistics["n_steps"].double()


@pytest.mark.parametrize(("target", "step"), [("correlated", 0.6), ("normal", 0.33)])
def test_as_the_recursive_definition(target: str, step: float) -> None:
    density = TARGETS[target]()
    start = density.draw(1)[0]
    random.seed(1)
    pairs = [reference.transition(density, start, step) for _ in range(300)]
    positions, steps = _one_transition(density, start, step)
    same_law(positions, torch.stack([x for x, _ in pairs]))
    theirs = torch.tensor([[float(n)] for _, n in pairs])
    same_law(steps, theirs)
    # four standard errors: by chance once in 16 000
    error = (theirs.std() ** 2 / len(theirs) + steps.std() ** 2 / len(steps)) ** 0.5
    assert abs(steps.mean() - theirs.mean()) < 4 * error
