"""Means, variances and tail masses of targets whose answers are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from pyro.native import HmcConfig, KernelConfig, NutsConfig, run_chains, target
from tests.native.mc import z_score

CHAINS, ROWS = 4, 2000
LIMIT = 4.5  # standard errors; with another seed, any of the tests fails with a probability of 1e-3

KERNELS: dict[str, KernelConfig] = {
    "diagonal": NutsConfig(),
    "stan": NutsConfig(rule="stan"),
    "low_rank": NutsConfig(metric="low_rank"),
    "automatic": NutsConfig(metric="automatic"),
    "dense": NutsConfig(metric="dense"),
    "dense_stan": NutsConfig(metric="dense", rule="stan"),
    "blocks": NutsConfig(metric="dense", blocks=[[1, 0]]),
    "slice": NutsConfig(multinomial=False),
    "hmc": HmcConfig(trajectory_length=1.7, step_size_jitter=0.2),
}


def draws_of(
    name: str, dim: int, values: object, kernel: KernelConfig, rows: int = ROWS
) -> np.ndarray:
    start = np.random.default_rng(1).uniform(-1, 1, (CHAINS, dim))
    density = target(name, dim, values)  # type: ignore[arg-type]
    return run_chains(density, kernel, start, 5, rows).output.draws


def compare(
    draws: np.ndarray, expected: dict[str, tuple[Callable[..., np.ndarray], float]]
) -> None:
    scores = {what: z_score(f(draws), answer) for what, (f, answer) in expected.items()}
    assert max(map(abs, scores.values())) < LIMIT, scores


@pytest.mark.parametrize("kernel", KERNELS)
def test_normal_with_scales(kernel: str) -> None:
    scales = np.array([0.01, 1.0, 100.0])
    draws = draws_of("normal", 3, scales, KERNELS[kernel]) / scales
    expected = {}
    for i in range(3):
        expected[f"mean {i}"] = (lambda x, i=i: x[..., i], 0.0)
        expected[f"variance {i}"] = (lambda x, i=i: x[..., i] ** 2, 1.0)
        expected[f"tail {i}"] = (lambda x, i=i: (x[..., i] > 2) * 1.0, stats.norm.sf(2))
    compare(draws, expected)


@pytest.mark.parametrize("kernel", KERNELS)
def test_student(kernel: str) -> None:
    draws = draws_of("student", 2, [6.0], KERNELS[kernel])
    compare(
        draws,
        {
            "mean": (lambda x: x[..., 0], 0.0),
            "variance": (lambda x: x[..., 0] ** 2, 1.5),
            "right": (lambda x: (x[..., 1] > 3) * 1.0, stats.t(6).sf(3)),
            "left": (lambda x: (x[..., 1] < -3) * 1.0, stats.t(6).sf(3)),
        },
    )


@pytest.mark.parametrize("kernel", ["diagonal", "stan", "low_rank", "dense", "slice"])
def test_banana(kernel: str) -> None:
    draws = draws_of("banana", 2, [0.5], KERNELS[kernel])
    compare(
        draws,
        {
            "mean 0": (lambda x: x[..., 0], 0.0),
            "mean 1": (lambda x: x[..., 1], 0.0),
            "variance 0": (lambda x: x[..., 0] ** 2, 1.0),
            "variance 1": (lambda x: x[..., 1] ** 2, 1.5),
            "tail": (lambda x: (x[..., 0] > 2) * 1.0, stats.norm.sf(2)),
        },
    )


@pytest.mark.parametrize("kernel", ["low_rank", "dense", "dense_stan"])
def test_correlated(kernel: str) -> None:
    rng = np.random.default_rng(3)
    rotation = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    variances = np.geomspace(1e-2, 1e2, 20)
    precision = rotation @ np.diag(1 / variances) @ rotation.T
    white = draws_of("gaussian", 20, precision, KERNELS[kernel]) @ rotation / np.sqrt(variances)
    compare(
        white,
        {f"variance {i}": (lambda x, i=i: x[..., i] ** 2, 1.0) for i in range(20)}
        | {f"mean {i}": (lambda x, i=i: x[..., i], 0.0) for i in range(20)},
    )


@pytest.mark.slow
def test_thousand_dimensions_with_condition_number_ten_thousand() -> None:
    scales = np.geomspace(0.1, 10, 1000)
    draws = draws_of("normal", 1000, scales, KERNELS["diagonal"], rows=1000) / scales
    mean = np.array([z_score(draws[..., i], 0.0) for i in range(1000)])
    variance = np.array([z_score(draws[..., i] ** 2, 1.0) for i in range(1000)])
    for scores in (mean, variance):
        assert np.abs(scores).max() < 5 and abs(scores.mean()) < 0.2 and 0.8 < scores.std() < 1.2
