"""Draws in ArviZ."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS
from pyro.infer.errors import InferenceError
from tests.infer.mcmc.long_models import Walk

pytestmark = pytest.mark.filterwarnings("ignore")  # ArviZ and xarray warn of their own future


@pytest.fixture(scope="module")
def az() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("arviz")


def schools(data: Tensor) -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("school", data.shape[0], dim=-2):
        effect = pyro.sample("effect", dist.Normal(mu, tau))
        pyro.deterministic("twice", 2 * effect)
        pyro.sample("pair", dist.Normal(torch.zeros(2), 1.0).to_event(1))
        with pyro.plate("pupil", data.shape[1], dim=-1):
            pyro.sample("y", dist.Normal(effect, 1.0), obs=data)


@pytest.fixture(scope="module")
def mcmc() -> MCMC:
    pyro.set_rng_seed(0)
    result = MCMC(NUTS(schools), 60, 100, num_chains=2, disable_progbar=True)
    result.run(torch.randn(4, 3))
    return result


def test_groups_and_dims(az: Any, mcmc: MCMC) -> None:
    data = mcmc.to_inference_data(prior=20, posterior_predictive=True)
    assert set(data.groups()) == {
        "posterior", "sample_stats", "observed_data", "log_likelihood", "posterior_predictive",
        "prior", "prior_predictive",
    }  # fmt: skip
    assert data.posterior["effect"].dims == ("chain", "draw", "school", "effect_dim_1")
    assert data.posterior["twice"].dims[2] == "school"
    assert data.posterior["pair"].dims == ("chain", "draw", "school", "pair_dim_1", "pair_dim_2")
    assert data.observed_data["y"].dims == ("school", "pupil")
    for group in (data.log_likelihood, data.posterior_predictive):
        assert set(group) == {"y"}
        assert group["y"].dims == ("chain", "draw", "school", "pupil")
    assert data.prior["mu"].shape == (1, 20)
    assert data.prior_predictive["y"].shape == (1, 20, 4, 3)
    assert set(data.sample_stats) == {
        "lp", "energy", "tree_depth", "step_size", "diverging", "acceptance_rate", "n_steps",
    }  # fmt: skip
    grouped = mcmc.get_samples(group_by_chain=True)
    assert (data.posterior["tau"].values == grouped["tau"].numpy()).all()


def test_log_likelihood_is_that_of_the_data(mcmc: MCMC, az: Any) -> None:
    data = mcmc.to_inference_data()
    effect = mcmc.get_samples(group_by_chain=True)["effect"]
    (y,), _ = mcmc.arguments
    expected = dist.Normal(effect, 1.0).log_prob(y)
    torch.testing.assert_close(torch.from_numpy(data.log_likelihood["y"].values), expected)
    assert az.loo(data).n_data_points == 12
    assert "tau" in az.summary(data).index
    az.bfmi(data)


def test_names_and_labels_of_ones_own(mcmc: MCMC, az: Any) -> None:
    data = mcmc.to_inference_data(
        log_likelihood=False,
        coords={"school": ["a", "b", "c", "d"], "axis": ["x", "y"]},
        dims={"pair": ["school", "plain", "axis"]},
        posterior_predictive={"y": torch.zeros(120, 4, 3)},
    )
    assert "log_likelihood" not in data.groups()
    assert list(data.posterior["effect"].school.values) == ["a", "b", "c", "d"]
    assert data.posterior["pair"].sel(axis="y").shape == (2, 60, 4, 1)
    assert (data.posterior_predictive["y"] == 0).all()


def test_from_pyro_takes_our_objects(mcmc: MCMC, az: Any) -> None:
    data = az.from_pyro(mcmc, log_likelihood=True)
    assert data.posterior["effect"].shape == (2, 60, 4, 1)
    assert data.sample_stats["diverging"].shape == (2, 60)
    assert data.log_likelihood["y"].shape == (2, 60, 4, 3)
    assert (data.observed_data["y"].values == mcmc.arguments[0][0].numpy()).all()


def test_kernels_without_a_model(az: Any) -> None:
    walk = MCMC(Walk(), 30, 5, num_chains=2, disable_progbar=True)
    walk.run()
    assert walk.to_inference_data().posterior["x"].shape == (2, 30)


def test_models_without_observations(az: Any) -> None:
    def free() -> None:
        pyro.sample("x", dist.Normal(0.0, 1.0))

    mcmc = MCMC(NUTS(free), 30, 30, disable_progbar=True)
    mcmc.run()
    assert set(mcmc.to_inference_data().groups()) == {"posterior", "sample_stats"}


def test_without_arviz(mcmc: MCMC, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(InferenceError, match="arviz"):
        mcmc.to_inference_data()
