"""A first step whose parameters are known is recorded before it is made."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import optim
from pyro.compile.draws import Counted, make_key
from pyro.infer import SVI, Trace_ELBO, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoDelta, AutoDiagonalNormal, AutoGuide, AutoNormal
from pyro.infer.fit import SVIResult, forecast
from pyro.infer.fit.steps.call import Call
from pyro.nn import PyroModule, PyroParam
from pyro.rng import get_rng_state, new_seed

Y = torch.tensor([0.5, 1.5, 2.5])


def line() -> None:
    slope = pyro.sample("slope", dist.Normal(0.0, 1.0))
    spread = pyro.sample("spread", dist.HalfNormal(1.0))
    with pyro.plate("rows", len(Y)):
        pyro.sample("y", dist.Normal(slope * torch.arange(3.0), spread), obs=Y)


@config_enumerate
def mixture() -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(Y)):
        kind = pyro.sample("kind", dist.Categorical(torch.ones(2) / 2))
        pyro.sample("y", dist.Normal(loc * (2 * kind - 1), 1.0), obs=Y)


def foreseen(svi: SVI) -> Any:
    return forecast(svi.model, svi.guide, svi.loss.__self__, svi.optim, Call((), {}))


def fit(svi: SVI, steps: int = 20) -> SVIResult:
    return svi.run(steps, progress=False, compile=True)


def fresh(model: Any, guide: Any, loss: Any = None) -> SVI:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    return SVI(model, guide, optim.Adam({"lr": 0.01}), loss or Trace_ELBO())


@pytest.mark.parametrize("guide", [AutoNormal, AutoDiagonalNormal, AutoDelta])
def test_the_parameters_are_those_of_a_step(guide: type[AutoGuide]) -> None:
    """No step is spent on finding them, and the guide draws no number for it."""
    svi = fresh(line, guide(line))
    svi.guide.setup()
    state = get_rng_state()
    found = foreseen(svi)
    assert torch.equal(get_rng_state()["torch"], state["torch"])
    assert found is not None and found.moved == list(found.leaves)
    svi.step()
    named = {n: pyro.param(n).unconstrained() for n in pyro.get_param_store()}
    assert named.keys() == found.leaves.keys()
    assert all(named[name] is leaf for name, leaf in found.leaves.items())
    assert fit(fresh(line, guide(line))).compiled_steps == 20 - 2


@pytest.mark.parametrize(
    "loss",
    [
        TraceEnum_ELBO(max_plate_nesting=1),
        TraceEnum_ELBO(),
        TraceEnum_ELBO(num_particles=2, vectorize_particles=True),
    ],
    ids=["given", "found", "particles"],
)
def test_enumerated_sites(loss: TraceEnum_ELBO) -> None:
    """The depth of plates is found out before."""
    result = fit(fresh(mixture, AutoNormal(pyro.poutine.block(mixture, hide=["kind"])), loss))
    assert result.compiled_steps == 20 - 2 and result.why_not_compiled is None


class Weighed(PyroModule):
    """A model with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = PyroParam(torch.tensor(0.0))

    def forward(self) -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(z + self.bias, 1.0), obs=Y[0])


def test_a_model_with_parameters_is_run_first() -> None:
    model = Weighed()
    svi = fresh(model, AutoNormal(model))
    assert foreseen(svi) is None
    assert fit(svi).compiled_steps == 20 - 3


def test_guides_of_users_are_run_first() -> None:
    def guide() -> None:
        loc = pyro.param("loc", torch.tensor(0.0))
        pyro.sample("slope", dist.Normal(loc, 1.0))
        pyro.sample("spread", dist.Delta(torch.tensor(1.0)))

    svi = fresh(line, guide)
    assert foreseen(svi) is None
    assert "loc" not in pyro.get_param_store()
    assert fit(svi).compiled_steps == 20 - 3


class Idle(AutoGuide):
    """A guide one of whose parameters no step moves."""

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        self.loc, self.idle = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(7.0))

    def forward(self) -> dict[str, Tensor]:
        centre = self.loc + 0 * self.idle.detach()
        return {"z": pyro.sample("z", dist.Normal(centre, 1.0))}


def one() -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(z, 1.0), obs=Y[0])


def test_a_wrong_forecast_costs_a_recording() -> None:
    """The step shows what moves; then it is recorded again, and is right."""
    svi = fresh(one, Idle(one))
    found = foreseen(svi)
    assert found is not None and "Idle.idle" in found.moved
    svi = fresh(one, Idle(one))
    result = fit(svi)
    assert result.compiled_steps == 20 - 2 and result.why_not_compiled is None
    assert svi.guide.idle.item() == 7.0
    again = fresh(one, Idle(one))
    again.guide.setup()
    seed, losses = new_seed(), []
    for step in range(20):
        with Counted(make_key(seed, step)):
            losses.append(again.step())
    assert result.losses.tolist() == pytest.approx(losses, rel=1e-5)


class Normed(AutoGuide):
    """A guide that counts its runs."""

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        self.loc, self.norm = nn.Parameter(torch.tensor(0.0)), nn.BatchNorm1d(1, affine=False)

    def forward(self) -> dict[str, Tensor]:
        noise = self.norm(torch.arange(3.0)[:, None])[0, 0]
        return {"z": pyro.sample("z", dist.Normal(self.loc + 0 * noise, 1.0))}


def test_a_forecast_changes_nothing() -> None:
    svi = fresh(one, Normed(one))
    found = foreseen(svi)
    assert found is not None and list(found.leaves) == ["Normed.loc"]
    assert svi.guide.norm.num_batches_tracked.item() == 0
    assert not pyro.get_param_store().keys()


def test_what_fails_in_a_forecast_shows_in_the_step() -> None:
    calls = []

    def model() -> None:
        calls.append(len(calls))
        raise ValueError("no such data")

    with pytest.raises(ValueError, match="no such data"):
        fit(fresh(model, AutoNormal(model)))


def test_a_run_that_goes_on_is_that_of_a_fresh_guide_from_a_file() -> None:
    """Both begin with a step that is made both ways."""
    svi = fresh(line, AutoNormal(line))
    fit(svi)
    held = svi.state_dict()
    rest = fit(svi).losses
    again = fresh(line, AutoNormal(line))
    again.load_state_dict(held)
    torch.testing.assert_close(fit(again).losses, rest, rtol=1e-6, atol=1e-6)
