"""Step sizes and mass matrices for kernels of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pyro.infer import HMC, MCMC, NUTS
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc import ArrowheadMassMatrix, BlockMassMatrix
from pyro.infer.mcmc.adaptation import WarmupAdapter
from pyro.infer.mcmc.adaptation.mass_matrix import MassMatrix
from pyro.infer.mcmc.engines.specification import kernel_config
from tests.infer.mcmc.long_models import normal

BLOCK = ("a", "b")
R = {"a": torch.tensor([1.0, -2.0]), "b": torch.tensor([0.5, 3.0])}


def dense() -> MassMatrix:
    matrix = BlockMassMatrix()
    matrix.configure({BLOCK: (4, 4)})
    return matrix


def diagonal() -> MassMatrix:
    matrix = BlockMassMatrix()
    matrix.configure({BLOCK: (4,)})
    return matrix


def arrow() -> MassMatrix:
    matrix = ArrowheadMassMatrix()
    matrix.configure({BLOCK: (4, 4)}, options={"head_size": {BLOCK: 2}})
    return matrix


def taught(make: Callable[[], MassMatrix]) -> MassMatrix:
    matrix = make()
    generator = torch.Generator().manual_seed(0)
    mix = torch.eye(4) + 0.3 * torch.randn(4, 4, generator=generator)
    for _ in range(400):
        x = mix @ torch.randn(4, generator=generator)
        values = {"a": x[:2], "b": x[2:]}
        matrix.update(values, values)
    matrix.end_adaptation()
    return matrix


def as_matrix(inverse: Tensor) -> Tensor:
    return inverse if inverse.dim() == 2 else inverse.diag()


@pytest.mark.parametrize("make", [dense, diagonal, arrow])
def test_scale_unscale_and_gradient_belong_to_one_matrix(make: Callable[[], MassMatrix]) -> None:
    matrix = taught(make)
    r = torch.cat([R["a"], R["b"]])
    inverse = as_matrix(matrix.inverse_mass_matrix[BLOCK])
    velocity = matrix.kinetic_grad(R)
    torch.testing.assert_close(torch.cat([velocity["a"], velocity["b"]]), inverse @ r)
    standard = matrix.unscale(R)
    torch.testing.assert_close(standard[BLOCK].square().sum(), r @ inverse @ r)
    again = matrix.scale(standard, R)
    torch.testing.assert_close(again, R)


def test_estimates() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(50, 2, generator=generator)
    matrix = BlockMassMatrix()
    matrix.configure({("x",): (2, 2)})
    for row in x:
        matrix.update({"x": row}, {"x": row})
    matrix.end_adaptation()
    expected = 50 / 55 * x.T.cov() + 1e-3 * 5 / 55 * torch.eye(2)
    torch.testing.assert_close(matrix.inverse_mass_matrix["x",], expected)


def test_without_adaptation_nothing_changes() -> None:
    for matrix in (BlockMassMatrix(2.0), ArrowheadMassMatrix(2.0)):
        matrix.configure({BLOCK: (4, 4)}, adapt_mass_matrix=False)
        matrix.update(R, R)
        matrix.end_adaptation()
        torch.testing.assert_close(matrix.inverse_mass_matrix[BLOCK], 2 * torch.eye(4))


@pytest.mark.parametrize(
    ("steps", "windows"),
    [
        (0, []),
        (10, [(0, 9)]),
        (100, [(0, 14), (15, 89), (90, 99)]),
        (1000, [(0, 74), (75, 99), (100, 149), (150, 249), (250, 449), (450, 949), (950, 999)]),
    ],
)
def test_windows_are_those_of_stan(steps: int, windows: list[tuple[int, int]]) -> None:
    adapter = WarmupAdapter()
    adapter.configure(steps)
    assert [tuple(window) for window in adapter.adaptation_schedule] == windows


def test_an_adapter_teaches_a_step_size_and_a_matrix() -> None:
    """Acceptance exp(-step size): the target 0.8 is met at -log(0.8)."""
    adapter = WarmupAdapter(1.0, True, 0.8, adapt_mass_matrix=True)
    found: list[float] = []
    adapter.configure(
        500, mass_matrix_shape={("x",): (2,)},
        find_reasonable_step_size_fn=lambda z: found.append(1.0) or 1.0,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([1.0, 5.0])
    for t in range(600):
        z = {"x": scale * torch.randn(2, generator=generator)}
        adapter.step(t, z, torch.tensor(-adapter.step_size).exp(), z)
    assert adapter.step_size == pytest.approx(0.223, rel=0.1)
    assert len(found) == len(adapter.adaptation_schedule) - 2
    variance = adapter.inverse_mass_matrix["x",]
    torch.testing.assert_close(variance, scale.square(), rtol=0.25, atol=0.0)


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
