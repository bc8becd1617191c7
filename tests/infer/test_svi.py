"""SVI: what a step does, and that it finds known posteriors."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.infer import ELBO, SVI, EmpiricalMarginal, Trace_ELBO, TraceMeanField_ELBO
from pyro.infer.elbo import ELBOModule
from pyro.infer.enum import get_importance_trace
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import guess_max_plate_nesting
from pyro.infer.util import torch_item
from pyro.optim import Adam

X = torch.tensor([0.3, -1.2, 0.8, 2.0])


def model(x: Tensor = X) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def guide(x: Tensor = X) -> None:
    loc = pyro.param("loc", torch.tensor(0.0))
    scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
    pyro.sample("z", dist.Normal(loc, scale))


def simple_loss(model: Callable[..., Any], guide: Callable[..., Any], *args: Any) -> Tensor:
    """The loss function of the tutorial on custom objectives."""
    guide_trace = pyro.poutine.trace(guide).get_trace(*args)
    model_trace = pyro.poutine.trace(pyro.poutine.replay(model, trace=guide_trace)).get_trace(*args)
    loss: Tensor = guide_trace.log_prob_sum() - model_trace.log_prob_sum()
    return loss


LOSSES: dict[str, Callable[[], Any]] = {
    "loop": lambda: Trace_ELBO(num_particles=4),
    "vectorized": lambda: Trace_ELBO(num_particles=30, vectorize_particles=True),
    "mean field": lambda: TraceMeanField_ELBO(num_particles=4),
    "function": lambda: simple_loss,
    "differentiable_loss": lambda: Trace_ELBO(num_particles=4).differentiable_loss,
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_posterior_is_found(name: str) -> None:
    """N(sum(x) / 5, 1 / sqrt(5)); within 0.05 after 500 steps of decreasing size."""
    svi = SVI(model, guide, Adam({"lr": 0.05}), LOSSES[name]())
    for _ in range(250):
        loss = svi.step(X)
    assert isinstance(loss, float)
    svi.optim = Adam({"lr": 0.005})
    for _ in range(250):
        svi.step(X)
    store = pyro.get_param_store()
    assert abs(store["loc"].item() - X.sum().item() / 5) < 0.05
    assert abs(store["scale"].item() - 5**-0.5) < 0.05
    assert all(leaf.grad is None for _, leaf in store.named_parameters())


@pytest.mark.parametrize("name", LOSSES)
def test_evaluate_loss_is_the_loss_of_a_step(name: str) -> None:
    svi = SVI(model, guide, Adam({"lr": 0.05}), LOSSES[name]())
    pyro.set_rng_seed(3)
    evaluated = svi.evaluate_loss(X)
    pyro.set_rng_seed(3)
    assert svi.step(X) == pytest.approx(evaluated, rel=1e-6)


def test_only_the_parameters_of_the_step_are_updated() -> None:
    def flexible(which: str) -> None:
        loc = pyro.param(which, torch.tensor(0.0))
        pyro.sample("z", dist.Normal(loc, 1.0))

    def prior(which: str) -> None:
        pyro.sample("z", dist.Normal(3.0, 1.0))

    svi = SVI(prior, flexible, Adam({"lr": 0.1}), Trace_ELBO())
    store = pyro.get_param_store()
    svi.step("first")
    first = store["first"].item()
    svi.step("second")  # a parameter may appear at any time
    assert first != 0 and store["first"].item() == first and store["second"].item() != 0


def test_wrong_optimizer_or_loss() -> None:
    for optim, text in [
        (torch.nn.Linear, r"instance of pyro\.optim\.PyroOptim class.*partial\(torch\.optim\.Adam"),
        (3, r"but got int.*pyro\.optim\.Adam"),
    ]:
        with pytest.raises(ValueError, match=text):
            SVI(model, guide, optim, Trace_ELBO())  # type: ignore[arg-type]
    with pytest.raises(InferenceError, match="loss must be"):
        SVI(model, guide, Adam({}), 3)
    with pytest.warns(FutureWarning, match="num_samples and num_steps"):
        SVI(model, guide, Adam({}), Trace_ELBO(), num_samples=3)
    with pytest.raises(InferenceError, match="num_particles"):
        Trace_ELBO(num_particles=0)
    with pytest.warns(DeprecationWarning, match="max_plate_nesting"):
        assert Trace_ELBO(max_iarange_nesting=2).max_plate_nesting == 2


def test_loss_and_grads_may_be_given_and_may_be_a_tuple() -> None:
    def tuple_loss(model: Any, guide: Any) -> tuple[Tensor, float]:
        loss = simple_loss(model, guide)
        loss.backward()
        return loss.detach(), 2.0

    svi = SVI(model, guide, Adam({"lr": 0.1}), simple_loss, loss_and_grads=tuple_loss)
    loss, two = svi.step()
    assert isinstance(loss, float) and two == 2.0


class NetModel(nn.Module):
    """A model with a module that keeps running statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.BatchNorm1d(1)

    def forward(self, x: Tensor) -> None:
        pyro.module("net", self.net)
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            centre = self.net(x[:, None]).squeeze(-1)
            pyro.sample("x", dist.Normal(z + centre, 1.0), obs=x)


def net_guide(x: Tensor) -> None:
    loc = pyro.param("loc", lambda: torch.randn(4))
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal(loc, 1.0))


def test_looking_at_a_model_changes_nothing() -> None:
    net = NetModel()
    pyro.set_rng_seed(0)
    state = torch.get_rng_state()
    assert guess_max_plate_nesting(net, net_guide, (X,), {}) == 1
    assert torch.equal(torch.get_rng_state(), state)
    assert net.net.num_batches_tracked == 0 and torch.equal(net.net.running_mean, torch.zeros(1))
    assert len(pyro.get_param_store()) == 0 and net.net.weight.grad is None


def test_the_same_draws_with_and_without_a_guess() -> None:
    losses = []
    for nesting in (1, math.inf):
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        elbo = Trace_ELBO(5, max_plate_nesting=nesting, vectorize_particles=True)
        losses.append(elbo.loss(NetModel(), net_guide, X))
    assert losses[0] == losses[1]


def test_vectorised_particles_have_their_plate() -> None:
    seen = []

    def watched(x: Tensor) -> None:
        model(x)
        seen.append([(f.name, f.dim, f.size) for f in pyro.poutine.runtime.get_plates()])

    Trace_ELBO(7, vectorize_particles=True, max_plate_nesting=1).loss(watched, guide, X)
    look, run = seen  # the first run finds out which dims there are
    assert (look, run) == ([], [("num_particles_vectorized", -2, 7)])


@pytest.mark.parametrize("objective", [Trace_ELBO, TraceMeanField_ELBO])
def test_elbo_as_a_module(objective: type[ELBO]) -> None:
    class Guide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loc = nn.Parameter(torch.tensor(0.0))
            self.log_scale = nn.Parameter(torch.tensor(0.0))

        def forward(self, x: Tensor) -> None:
            pyro.sample("z", dist.Normal(self.loc, self.log_scale.exp()))

    module = objective(num_particles=20, vectorize_particles=True)(model, Guide())
    assert isinstance(module, ELBOModule) and len(list(module.parameters())) == 2
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        module(X).backward()
        optimizer.step()
    assert abs(module.guide.loc.item() - X.sum().item() / 5) < 0.1


def test_retain_graph() -> None:
    loc = torch.tensor(0.0, requires_grad=True)

    def loss(retain_graph: bool | None) -> None:
        shared = loc.exp()  # a graph that both particles use

        def shared_guide(x: Tensor) -> None:
            pyro.sample("z", dist.Normal(shared, 1.0))

        elbo = Trace_ELBO(num_particles=2, retain_graph=retain_graph)
        elbo.loss_and_grads(model, shared_guide, X)

    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss(None)
    loss(True)


def test_importance_trace() -> None:
    model_trace, guide_trace = get_importance_trace("flat", 1, model, guide, (X,), {})
    assert "data" not in model_trace and model_trace.nodes["x"]["log_prob"].shape == (4,)
    assert guide_trace.nodes["z"]["score_parts"].score_function == 0
    detached = get_importance_trace("flat", 1, model, guide, (X,), {}, detach=True)[0]
    assert not detached.nodes["x"]["log_prob"].requires_grad


def test_no_warnings_and_no_leftovers_in_a_loop() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svi = SVI(model, guide, Adam({"lr": 0.01}), Trace_ELBO())
        for _ in range(3):
            svi.step()
    assert torch_item(torch.tensor(2.0)) == torch_item(2.0) == 2.0


def test_deprecated_run_steps_and_draws() -> None:
    def model() -> torch.Tensor:
        return pyro.sample("z", dist.Normal(0.0, 1.0))

    def guide() -> torch.Tensor:
        return pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(3.0)), 0.1))

    with pytest.warns(FutureWarning, match="num_samples"):
        svi = SVI(model, guide, Adam({"lr": 0.5}), Trace_ELBO(), num_samples=4, num_steps=2)
    with pytest.warns(FutureWarning, match="SVI.run"):
        assert svi.run() is svi
    assert pyro.param("loc") < 2.5
    assert len(svi.exec_traces) == 4
    assert abs(EmpiricalMarginal(svi, "z").mean - pyro.param("loc")) < 0.5


def test_an_objective_of_ones_own() -> None:
    class Plain(ELBO):
        def loss(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
            return self.loss_and_grads(model, guide, *args, **kwargs)

        def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
            loss = torch.tensor(0.0)
            for model_trace, guide_trace in self._get_traces(model, guide, args, kwargs):
                loss = loss - model_trace.log_prob_sum() + guide_trace.log_prob_sum()
            loss.backward()
            return loss.item()

    def model() -> None:
        pyro.sample("z", dist.Normal(0.0, 1.0))

    def guide() -> None:
        pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(3.0)), 1.0))

    svi = SVI(model, guide, Adam({"lr": 0.1}), Plain())
    svi.step()
    assert pyro.param("loc").item() == pytest.approx(2.9, abs=1e-3)
