"""A potential energy, its starts and transforms, for a kernel of one's own."""

from __future__ import annotations

import torch

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS
from pyro.infer.model.initialized_model import initialize_model
from tests.infer.mcmc.long_models import DATA, normal


def test_initialize_model_feeds_a_kernel() -> None:
    pyro.set_rng_seed(0)
    start, potential_fn, transforms, trace = initialize_model(normal, (DATA,), num_chains=2)
    assert start["loc"].shape == (2,)
    assert set(trace.nodes) >= {"loc", "scale", "y"}
    one = {"loc": torch.tensor(1.0), "scale": torch.tensor(0.3)}
    torch.testing.assert_close(
        -potential_fn(one),
        dist.Normal(0.0, 10.0).log_prob(one["loc"])
        + dist.Normal(0.0, 1.0).log_prob(one["scale"])
        + dist.Normal(one["loc"], one["scale"].exp()).log_prob(DATA).sum(),
    )
    kernel = NUTS(potential_fn=potential_fn, transforms=transforms)
    mcmc = MCMC(kernel, 200, 100, initial_params=start, num_chains=2, disable_progbar=True)
    mcmc.run()
    assert (mcmc.get_samples()["scale"] > 0).all()


def test_initialize_model_takes_starts_and_transforms() -> None:
    start = {"loc": torch.tensor(1.0), "scale": torch.tensor(2.0)}
    found = initialize_model(normal, (DATA,), transforms={}, initial_params=start)
    assert found.initial_params is start
    assert found.transforms == {}
