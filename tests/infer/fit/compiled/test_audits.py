"""Comparisons of later steps: what they find, and that nobody notices them otherwise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import optim
from pyro.distributions import constraints
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal


def test_a_model_that_changes_as_it_goes_on_is_found_out() -> None:
    """After 64 steps in machine code a loss is compared; the steps from there on are torch's."""
    spread, runs = [1.0], [0]

    def model() -> None:
        runs[0] += 1
        z = pyro.sample("z", dist.Normal(0.0, spread[0]))
        pyro.sample("y", dist.Normal(z, 1.0), obs=torch.tensor(3.0))

    def change(step: int, loss: float) -> None:
        spread[0] = 0.1 if step > 20 else 1.0

    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    svi = SVI(model, AutoNormal(model), optim.Adam({"lr": 0.03}), Trace_ELBO())
    result = svi.run(300, progress=False, callbacks=change)
    assert result.compiled_steps == 64
    assert "after 64 steps in machine code" in (result.why_not_compiled or "")
    assert runs[0] > 230
    loc = pyro.param("AutoNormal.locs.z").item()
    assert abs(loc - 3 * 0.01 / 1.01) < 0.3  # 1.5 without the change


def test_a_comparison_takes_no_random_numbers_and_makes_no_step() -> None:
    """Gamma draws are torch's own, also in machine code."""

    def model() -> None:
        z = pyro.sample("z", dist.Gamma(2.0, 1.0))
        pyro.sample("y", dist.Normal(z, 1.0), obs=torch.tensor(3.0))

    def guide() -> None:
        a = pyro.param("a", torch.tensor(2.0, dtype=torch.float64), constraint=constraints.positive)
        pyro.sample("z", dist.Gamma(a, 1.0))

    def losses(audit: int, monkeypatch: pytest.MonkeyPatch) -> Tensor:
        monkeypatch.setattr("pyro.infer.fit.steps.stage.AUDIT", audit)
        pyro.clear_param_store()
        pyro.set_rng_seed(3)
        svi = SVI(model, guide, optim.Adam({"lr": 0.03}), Trace_ELBO())
        result = svi.run(40, progress=False, compile=True)
        assert result.why_not_compiled is None
        return result.losses

    with pytest.MonkeyPatch.context() as patch:
        assert torch.equal(losses(10, patch), losses(1000, patch))
