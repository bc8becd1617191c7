"""Another run has what the last one recorded, and notices what has changed in between."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import optim
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.fit import SVIResult

Y = torch.tensor([28.0, 8.0, -3.0, 7.0])
STEPS = 20
ENGINES: list[Any] = [True, "graph"]

pytestmark = pytest.mark.parametrize("engine", ENGINES)


def result_of(svi: SVI, engine: Any) -> SVIResult:
    return svi.run(STEPS, compile=engine, progress=False)


def is_compiled(result: SVIResult) -> bool:
    """All but the first step, one both ways, one that is recorded, and its checks."""
    return result.why_not_compiled is None and result.compiled_steps >= STEPS - 4


class Line:
    """A line of which each parameter can be frozen; the loss does not show whether it is."""

    def __init__(self) -> None:
        self.net = nn.Linear(1, 1)

    def __call__(self) -> None:
        mean = pyro.module("line", self.net)(Y[:, None]).squeeze(-1)
        pyro.sample("y", dist.Normal(mean, 10.0).to_event(1), obs=2 * Y)

    def values(self) -> tuple[Tensor, Tensor]:
        return self.net.weight.detach().clone(), self.net.bias.detach().clone()


@pytest.mark.filterwarnings("ignore:pyro.module.*not registered because requires_grad:UserWarning")
@pytest.mark.parametrize("frozen_first", [False, True])
def test_what_is_frozen_or_set_free(engine: Any, frozen_first: bool) -> None:
    found = []
    for way in (False, engine):
        pyro.clear_param_store()
        torch.manual_seed(0)
        model = Line()
        svi = SVI(model, lambda: None, optim.SGD({"lr": 1e-3}), Trace_ELBO())
        losses = []
        for free in (not frozen_first, frozen_first, not frozen_first, frozen_first):
            model.net.weight.requires_grad_(free)
            before = model.values()
            result = result_of(svi, way)
            losses.append(result.losses)
            after = model.values()
            assert torch.equal(before[0], after[0]) is not free
            assert not torch.equal(before[1], after[1])
            assert way is False or is_compiled(result)
        found.append((losses, model.values()))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_parameters_that_are_made_anew(engine: Any) -> None:
    """Their names are those of before, and not their tensors."""

    def model() -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(z, 1.0), obs=torch.tensor(3.0))

    def guide() -> None:
        pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0))

    svi = SVI(model, guide, optim.SGD({"lr": 0.1}), Trace_ELBO())
    for _ in range(3):
        pyro.clear_param_store()
        assert is_compiled(result_of(svi, engine))
        assert abs(pyro.param("loc").item() - 1.5) < 1.2  # from 0, with noise of about 0.2


@pytest.mark.parametrize("is_seen", ["in the loss", "in the gradient"])
def test_a_model_that_has_changed(engine: Any, is_seen: str) -> None:
    now = {"in the loss": 1.0, "in the gradient": 1.0}

    def model() -> None:
        a = pyro.param("a", torch.tensor(0.0))
        b = pyro.param("b", torch.tensor(0.0))
        a = a if now["in the gradient"] == 1.0 else a.detach()
        pyro.sample("x", dist.Normal(a, 1.0), obs=Y[0])
        pyro.sample("y", dist.Normal(b, now["in the loss"]), obs=Y[1])

    svi = SVI(model, lambda: None, optim.SGD({"lr": 0.01}), Trace_ELBO())
    assert result_of(svi, engine).compiled_steps >= STEPS - 3
    assert result_of(svi, engine).compiled_steps == STEPS - 2
    now[is_seen] = 2.0
    before = pyro.param("a").item()
    assert is_compiled(result_of(svi, engine))
    assert (pyro.param("a").item() == before) is (is_seen == "in the gradient")
