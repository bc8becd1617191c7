"""Simulation-based calibration of NUTS.

Talts, Betancourt, Simpson, Vehtari and Gelman (2018): where parameters come from the prior and data
from the parameters, the rank of a parameter among draws of its posterior is uniform. The ranks of
each parameter are compared by a chi-squared test at the level 1e-4; with another seed a correct
sampler fails a model of k parameters with a probability of 1e-4 k.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS
from pyro.poutine.trace_messenger import TraceMessenger

pytestmark = pytest.mark.slow
RUNS, DRAWS, BINS = 200, 99, 10


def location_scale(y: Tensor | None = None) -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 2.0))
    scale = pyro.sample("scale", dist.LogNormal(0.0, 0.5))
    with pyro.plate("data", 8):
        pyro.sample("y", dist.Normal(loc, scale), obs=y)


def hierarchy(y: Tensor | None = None) -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
    tau = pyro.sample("tau", dist.Gamma(4.0, 4.0))
    with pyro.plate("group", 5):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(mu + tau * z, 0.7), obs=y)


def counts(y: Tensor | None = None) -> None:
    shares = pyro.sample("shares", dist.Dirichlet(torch.tensor([2.0, 1.0, 3.0])))
    rate = pyro.sample("rate", dist.Exponential(0.2))
    with pyro.plate("kind", 3):
        pyro.sample("y", dist.Poisson(rate * shares), obs=y)


def ranks(model: Any) -> dict[str, Tensor]:
    """The ranks of the true parameters among thinned draws: ``(RUNS,) + shape``."""
    found: dict[str, list[Tensor]] = {}
    for _ in range(RUNS):
        with TraceMessenger() as truth:
            model()
        nodes = truth.trace.nodes
        mcmc = MCMC(NUTS(model), DRAWS, 300, thinning=5, disable_progbar=True)
        mcmc.run(nodes["y"]["value"])
        for name, draws in mcmc.get_samples().items():
            found.setdefault(name, []).append((draws < nodes[name]["value"]).sum(0))
    return {name: torch.stack(values) for name, values in found.items()}


@pytest.mark.parametrize("model", [location_scale, hierarchy, counts])
def test_ranks_are_uniform(model: Any) -> None:
    pyro.set_rng_seed(0)
    for name, values in ranks(model).items():
        for i, column in enumerate(values.reshape(RUNS, -1).T):
            seen = torch.bincount(column * BINS // (DRAWS + 1), minlength=BINS)
            p = stats.chisquare(seen.numpy()).pvalue
            assert p > 1e-4, (name, i, seen)
