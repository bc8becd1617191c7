"""What HMC and NUTS are told of step sizes and mass matrices."""

from __future__ import annotations

from typing import Any

import pytest

from pyro.infer import HMC, MCMC, NUTS
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc import ArrowheadMassMatrix, BlockMassMatrix
from pyro.infer.mcmc.engines.specification import kernel_config
from tests.infer.mcmc.long_models import normal


def test_kernels_take_mass_matrices() -> None:
    kernel = NUTS(normal)
    assert kernel.mass_matrix_adapter is None
    kernel.mass_matrix_adapter = ArrowheadMassMatrix()
    assert kernel.trajectories.low_rank
    mcmc = MCMC(kernel, 50, 50, disable_progbar=True)
    mcmc.run()
    kernel = NUTS(normal, full_mass=True)
    kernel.mass_matrix_adapter = BlockMassMatrix()
    assert kernel.trajectories.full_mass is True
    with pytest.raises(InferenceError, match="BlockMassMatrix"):
        kernel.mass_matrix_adapter = object()  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("options", "metric"),
    [
        ({}, "automatic"),
        ({"low_rank": False}, "diagonal"),
        ({"low_rank": True}, "low_rank"),
        ({"full_mass": True}, "dense"),
        ({"full_mass": [("loc",)]}, "dense"),
        ({"adaptation": "stan"}, "diagonal"),
    ],
)
def test_which_metric(options: dict[str, Any], metric: str) -> None:
    kernel = NUTS(normal, **options)
    flat = kernel.posterior((), {}, None).flat
    assert kernel_config(kernel.trajectories, flat, 100).metric == metric


@pytest.mark.parametrize(("least", "most"), [(0.05, 0.06), (3.0, 4.0)])
def test_step_sizes_stay_within_limits(least: float, most: float) -> None:
    mcmc = MCMC(
        HMC(normal, num_steps=3, min_stepsize=least, max_stepsize=most),
        20,
        60,
        disable_progbar=True,
    )
    mcmc.run()
    steps = mcmc.result.statistics["step_size"]
    assert (steps >= least * (1 - 1e-9)).all()
    assert (steps <= most * (1 + 1e-9)).all()
    with pytest.raises(InferenceError, match="max_stepsize"):
        HMC(normal, min_stepsize=1.0, max_stepsize=0.5)


def test_a_kernel_that_is_moved_keeps_what_it_learned() -> None:
    kernel = NUTS(normal)
    kernel.setup(50)
    params = kernel.initial_params
    for _ in range(60):
        params = kernel.sample(params)
    step = kernel.logging()["step size"]
    elsewhere = {name: value + 0.1 for name, value in params.items()}
    kernel.sample(elsewhere)
    assert kernel.logging()["step size"] == step
