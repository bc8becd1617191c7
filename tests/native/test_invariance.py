"""A transition leaves its target invariant, whatever the kernel, the metric and the step size.

Many chains start from exact draws and make a few transitions of a coarse step size. What they are
then is compared with the exact distribution: a wrong weight, a missing check or a biased choice
would show, since nothing is left to converge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from pyro.native import DensitySpec, HmcConfig, KernelConfig, NutsConfig, Output, Sampler, target

CHAINS, ITERATIONS = 5000, 4
FIXED: dict[str, Any] = {"warmup": 0, "adapt_step_size": False, "adapt_metric": False}

KERNELS: list[KernelConfig] = [
    NutsConfig(step_size=0.4, **FIXED),
    NutsConfig(step_size=1.1, **FIXED),
    NutsConfig(step_size=0.25, max_tree_depth=2, **FIXED),
    NutsConfig(step_size=0.7, multinomial=False, **FIXED),
    # The limit is relative to the slice, so it is the same for all points of a trajectory.
    NutsConfig(step_size=0.9, max_energy_error=0.5, multinomial=False, **FIXED),
    NutsConfig(step_size=0.7, step_size_jitter=0.5, metric="dense", **FIXED),
    HmcConfig(step_size=0.9, trajectory_length=2.0, **FIXED),
    HmcConfig(step_size=0.5, num_steps=3, step_size_jitter=0.3, **FIXED),
]
CORRELATED = np.array([[2.0, 1.2], [1.2, 1.0]])


def exact(name: str, rng: np.random.Generator) -> tuple[DensitySpec, np.ndarray, Any]:
    """The density, exact draws of it, and the distribution function of x0."""
    if name == "gaussian":
        draws = rng.multivariate_normal(np.zeros(2), CORRELATED, CHAINS)
        return target(name, 2, np.linalg.inv(CORRELATED)), draws, stats.norm(0, np.sqrt(2)).cdf
    if name == "student":
        return target(name, 2, [4.0]), rng.standard_t(4.0, (CHAINS, 2)), stats.t(4).cdf
    draws = np.abs(rng.standard_normal((CHAINS, 2))) * [1, rng.choice([-1, 1])]
    draws[:, 1] = rng.standard_normal(CHAINS)
    return target(name, 2), draws, stats.halfnorm.cdf


# Seeds are fixed; with others, one of these would fail by chance with a probability of 2e-3.
@pytest.mark.parametrize("name", ["gaussian", "student", "half"])
@pytest.mark.parametrize("number", range(len(KERNELS)))
def test_exact_draws_stay_exact(name: str, number: int) -> None:
    density, start, distribution = exact(name, np.random.default_rng(number))
    sampler = Sampler(density, KERNELS[number], start, seed=number)
    output = Output.allocate(CHAINS, ITERATIONS, 2, divergences=0)
    sampler.advance(ITERATIONS, output)
    end = output.draws[:, -1]
    assert not np.array_equal(end, start)
    assert stats.kstest(end[:, 0], distribution).pvalue > 1e-4
    if name == "gaussian":
        ratio = stats.norm.ppf(stats.norm(0, np.sqrt(2)).cdf(end[:, 0]))
        rest = (end[:, 1] - 0.6 * end[:, 0]) / np.sqrt(1 - 1.2**2 / 2)
        assert stats.kstest(rest, "norm").pvalue > 1e-4
        assert abs(np.corrcoef(ratio, rest)[0, 1]) < 4 / np.sqrt(CHAINS)
