"""Helpers for samplers and their draws."""

from __future__ import annotations

import pickle

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc import util
from tests.infer.mcmc.long_models import DATA, normal

SAMPLES = {"x": torch.randn(2, 10, 3), "y": torch.randn(2, 10)}


def test_summaries(capsys: pytest.CaptureFixture[str]) -> None:
    found = util.summary(SAMPLES, prob=0.8)
    assert {"mean", "std", "median", "10.0%", "90.0%", "n_eff", "r_hat"} <= set(found["x"])
    assert found["x"]["mean"].shape == (3,)
    assert util.diagnostics(SAMPLES)["y"].keys() == {"n_eff", "r_hat"}
    flat = {name: values[0] for name, values in SAMPLES.items()}
    assert util.summary(flat, group_by_chain=False)["x"]["mean"].shape == (3,)
    util.print_summary(SAMPLES)
    assert "x[2]" in capsys.readouterr().out


def test_select_samples() -> None:
    assert util.select_samples(SAMPLES)["x"].shape == (20, 3)
    assert util.select_samples(SAMPLES, 5)["x"].shape == (5, 3)
    assert util.select_samples(SAMPLES, 5, group_by_chain=True)["x"].shape == (2, 5, 3)


def test_predictive_is_deprecated() -> None:
    with pytest.warns(FutureWarning, match="Predictive"):
        found = util.predictive(normal, {"loc": torch.zeros(4), "scale": torch.ones(4)}, DATA)
    assert found["twice"].shape[0] == 4


def test_initialize_model_feeds_a_kernel() -> None:
    pyro.set_rng_seed(0)
    start, potential_fn, transforms, trace = util.initialize_model(normal, (DATA,), num_chains=2)
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
    found = util.initialize_model(normal, (DATA,), transforms={}, initial_params=start)
    assert found.initial_params is start
    assert found.transforms == {}


@pytest.mark.parametrize("enumerates", [False, True])
def test_log_probabilities_of_traces(enumerates: bool) -> None:
    def mixture() -> None:
        with pyro.plate("data", 3):
            z = pyro.sample("z", dist.Bernoulli(0.3), infer={"enumerate": "parallel"})
            pyro.sample("y", dist.Normal(z, 1.0), obs=torch.tensor([0.0, 1.0, 2.0]))

    program = pyro.poutine.enum(mixture, first_available_dim=-2) if enumerates else mixture
    trace = pyro.poutine.trace(program).get_trace()
    found = util.TraceEinsumEvaluator(trace, enumerates, 1).log_prob(trace)
    y = torch.tensor([0.0, 1.0, 2.0])
    joint = [
        dist.Bernoulli(0.3).log_prob(torch.tensor(z)) + dist.Normal(z, 1.0).log_prob(y)
        for z in (0.0, 1.0)
    ]
    summed = torch.stack(joint).logsumexp(0).sum()
    torch.testing.assert_close(found, summed if enumerates else trace.log_prob_sum())


def test_sums_need_to_know_where_plates_end() -> None:
    trace = pyro.poutine.trace(normal).get_trace()
    with pytest.raises(InferenceError, match="max_plate_nesting"):
        util.TraceEinsumEvaluator(trace, has_enumerable_sites=True)


def test_draws_can_be_pickled() -> None:
    mcmc = MCMC(NUTS(normal), 20, 20, num_chains=2, disable_progbar=True)
    mcmc.run(DATA)
    again = pickle.loads(pickle.dumps(mcmc))
    assert torch.equal(again.get_samples()["loc"], mcmc.get_samples()["loc"])
    assert str(again.engine) == str(mcmc.engine)
    again.describe()
