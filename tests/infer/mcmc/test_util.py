"""Helpers for samplers and their draws."""

from __future__ import annotations

import pickle

import pytest
import torch

from pyro.infer import MCMC, NUTS
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


def test_draws_can_be_pickled() -> None:
    mcmc = MCMC(NUTS(normal), 20, 20, num_chains=2, disable_progbar=True)
    mcmc.run(DATA)
    again = pickle.loads(pickle.dumps(mcmc))
    assert torch.equal(again.get_samples()["loc"], mcmc.get_samples()["loc"])
    assert str(again.engine) == str(mcmc.engine)
    again.describe()
