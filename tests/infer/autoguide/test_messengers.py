"""Guides that run the model."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.errors import HandlerError, SiteError
from pyro.infer import SVI, Predictive, Trace_ELBO, TraceMeanField_ELBO, config_enumerate
from pyro.infer.autoguide import (
    AutoHierarchicalNormalMessenger,
    AutoMessenger,
    AutoNormalMessenger,
    AutoRegressiveMessenger,
)
from pyro.optim import Adam
from pyro.poutine.guide import GuideMessenger

ALL: list[Any] = [
    AutoNormalMessenger,
    AutoHierarchicalNormalMessenger,
    AutoRegressiveMessenger,
]


def hierarchy(y: Tensor, index: Tensor | None = None) -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
    with pyro.plate("data", 10, subsample=index):
        z = pyro.sample("z", dist.LogNormal(mu, 1.0))
        pyro.deterministic("w", z * 2, event_dim=0)
        pyro.sample("y", dist.Normal(z, 0.5), obs=y if index is None else y[index])


@pytest.mark.parametrize("cls", ALL)
def test_names_and_what_is_hidden(cls: Any) -> None:
    guide = cls(hierarchy)
    y = torch.ones(10)
    trace = poutine.trace(guide).get_trace(y)
    assert [n for n in trace.stochastic_nodes if n != "data"] == ["mu", "z"]
    assert not trace.observation_nodes
    assert f"{cls.__name__}.locs.z" in pyro.get_param_store()
    assert guide(y).keys() == {"mu", "z", "w", "y"}
    model_trace, guide_trace = guide.get_traces()
    assert isinstance(model_trace.nodes["mu"]["fn"], dist.Normal)
    assert "y" in model_trace
    assert "y" not in guide_trace


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize(("elbo", "vectorize"), [(Trace_ELBO, True), (TraceMeanField_ELBO, False)])
def test_fit(cls: Any, vectorize: bool, elbo: Any) -> None:
    guide = cls(hierarchy)
    y = torch.full((10,), 2.0)
    loss = elbo(num_particles=2, vectorize_particles=vectorize)
    svi = SVI(hierarchy, guide, Adam({"lr": 0.05}), loss)
    losses = [svi.step(y) for _ in range(60)]
    assert sum(losses[-10:]) < sum(losses[:10])
    assert Predictive(hierarchy, guide=guide, num_samples=3)(y)["z"].shape == (3, 10)


@pytest.mark.parametrize("cls", ALL)
def test_subsamples_are_those_of_the_model(cls: Any) -> None:
    y = torch.arange(10.0) + 1
    guide = cls(hierarchy).setup(y, torch.tensor([0, 1, 2]))
    assert guide.locs.z.shape == (10,)
    before = guide.locs.z.detach().clone()
    SVI(hierarchy, guide, Adam({"lr": 0.1}), Trace_ELBO()).step(y, torch.tensor([7, 4]))
    moved = (guide.locs.z.detach() != before).nonzero().squeeze(-1)
    assert moved.tolist() == [4, 7]


@pytest.mark.parametrize("cls", ALL)
def test_amortised_plates(cls: Any) -> None:
    def model(y: Tensor) -> None:
        with pyro.plate("data", len(y)):
            z = pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            pyro.sample("y", dist.Normal(z, 1.0).to_event(1), obs=y)

    guide = cls(model, amortized_plates=("data",))
    assert guide(torch.zeros(5, 2))["z"].shape == (5, 2)
    assert guide.locs.z.shape == (1, 2)
    losses = [
        SVI(model, guide, Adam({"lr": 0.01}), Trace_ELBO()).step(torch.zeros(n, 2)) for n in (3, 7)
    ]
    assert all(torch.tensor(losses).isfinite())


@pytest.mark.parametrize("cls", ALL)
def test_state_and_pickles(cls: Any) -> None:
    y = torch.ones(10)
    first = cls(hierarchy).setup(y)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(0.1 * torch.rand_like(parameter))
    fresh = cls(hierarchy)
    fresh.load_state_dict(first.state_dict())
    held = dict(fresh.named_parameters())
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    expected = first(y)
    for other in (fresh, pickle.loads(pickle.dumps(first))):
        pyro.clear_param_store()
        other.setup(y)
        pyro.set_rng_seed(0)
        torch.testing.assert_close(other(y), expected)
    assert all(parameter is held[name] for name, parameter in fresh.named_parameters())


def test_medians_follow_upstream_medians() -> None:
    y = torch.ones(10)
    guide = AutoHierarchicalNormalMessenger(hierarchy).setup(y)
    mu = guide.median(y)["mu"]
    shift = guide.locs.z + (mu + 0.5) * guide.weights.z
    torch.testing.assert_close(guide.median(y)["z"], shift.exp().detach())
    levels = guide.quantiles([0.1, 0.5, 0.9], y)
    assert levels["z"].shape == (3, 10)
    assert bool((levels["z"].diff(dim=0) > 0).all())


def test_some_sites_are_hierarchical() -> None:
    guide = AutoHierarchicalNormalMessenger(hierarchy, hierarchical_sites=["z"], init_weight=0.5)
    guide.setup(torch.ones(10))
    assert [name for name, _ in guide.weights.named_parameters()] == ["z_unconstrained"]
    assert bool((guide.weights.z == 0.5).all())


def test_upstream_values() -> None:
    seen: dict[str, Any] = {}

    class Own(AutoRegressiveMessenger):
        def get_posterior(self, name: str, prior: Any) -> Any:
            if name == "z":
                seen["mu"], seen["none"] = self.upstream_value("mu"), self.upstream_value("v")
                return prior.mean
            return super().get_posterior(name, prior)

    drawn = Own(hierarchy)(torch.ones(10))
    assert seen["none"] is None
    torch.testing.assert_close(drawn["z"], (seen["mu"] + 0.5).exp().expand(10))
    with pytest.raises(HandlerError, match="only within get_posterior"):
        Own(hierarchy).upstream_value("mu")


def test_a_branch_of_the_model_is_followed() -> None:
    def model(flag: bool) -> None:
        if flag:
            pyro.sample("a", dist.Normal(0.0, 1.0))
        else:
            pyro.sample("b", dist.LogNormal(torch.zeros(2), 1.0).to_event(1))

    guide = AutoNormalMessenger(model)
    assert guide(True).keys() == {"a"}
    assert guide(False)["b"].shape == (2,)


def test_a_name_that_begins_another_is_refused() -> None:
    def model() -> None:
        pyro.sample("b", dist.Normal(0.0, 1.0))
        pyro.sample("b.c", dist.Normal(0.0, 1.0))

    with pytest.raises(SiteError, match="the name of one begins another's"):
        AutoNormalMessenger(model)()


def test_traces_need_a_call() -> None:
    assert issubclass(AutoMessenger, GuideMessenger)

    class Point(GuideMessenger):
        def get_posterior(self, name: str, prior: Any) -> Any:
            return prior

    model_trace, _ = poutine.trace(Point(hierarchy)).get_trace(torch.ones(10)), None
    assert model_trace.nodes["z"]["value"].shape == (10,)


def test_a_prior_whose_draws_have_no_gradient_is_scored() -> None:
    """The score at a fixed value of the site is that of the law, and differs from zero."""

    def model() -> None:
        zero = pyro.param("zero", torch.tensor(0.0))
        pyro.sample("x", dist.LogNormal(zero, 1.0).has_rsample_(False))

    guide = AutoRegressiveMessenger(model, init_scale=0.5).setup()
    trace = poutine.trace(guide).get_trace()
    score = trace.nodes["x"]["fn"].log_prob(trace.nodes["x"]["value"])
    (found,) = torch.autograd.grad(score, guide.locs.x.unconstrained())
    u = trace.nodes["x"]["value"].log()
    torch.testing.assert_close(found, ((u - guide.locs.x) / 0.25).detach(), rtol=1e-4, atol=1e-4)


def test_a_prior_without_parameters_is_moved_along_a_path() -> None:
    """Although a draw of it has no gradient: the value is a function of the draw."""

    def model() -> None:
        pyro.sample("x", dist.LKJCholesky(2, 1.0))

    guide = AutoRegressiveMessenger(model, init_scale=0.5).setup()
    trace = poutine.trace(guide).get_trace()
    r = trace.nodes["x"]["value"][1, 0]
    (found,) = torch.autograd.grad(r, guide.locs.x.unconstrained())
    torch.testing.assert_close(found.squeeze(), (1 - r.square()).detach(), rtol=1e-4, atol=1e-5)
    assert trace.nodes["x"]["fn"].has_rsample


def test_what_is_enumerated_is_the_models() -> None:
    @config_enumerate
    def model() -> None:
        z = pyro.sample("z", dist.Bernoulli(0.3))
        x = pyro.sample("x", dist.Normal(z, 1.0))
        pyro.sample("y", dist.Normal(x, 1.0), obs=torch.tensor(0.5))

    guide = AutoNormalMessenger(model)
    assert guide().keys() == {"x", "y"}
    assert poutine.trace(guide).get_trace().stochastic_nodes == ["x"]
    assert "z" in guide.get_traces()[0] and "z" not in guide.get_traces()[1]
