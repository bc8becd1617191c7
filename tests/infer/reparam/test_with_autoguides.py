"""Reparameterised models with automatic guides, and in the coordinates of these."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO
from pyro.infer import autoguide as ag
from pyro.infer.reparam import AutoReparam, LocScaleReparam, NeuTraReparam, StructuredReparam

DATA = torch.tensor([0.3, -1.0, 2.0])
TRANSFORMS = [
    ag.AutoDiagonalNormal,
    ag.AutoMultivariateNormal,
    functools.partial(ag.AutoIAFNormal, hidden_dim=8),
]
GUIDES = [
    *TRANSFORMS,
    ag.AutoNormal,
    functools.partial(ag.AutoLowRankMultivariateNormal, rank=2),
    ag.AutoGaussian,
    ag.AutoStructured,
    functools.partial(ag.AutoStructured, conditionals="normal", dependencies={}),
]
SITES = ("shares", "rate", "theta")


def model() -> None:
    shares = pyro.sample("shares", dist.Dirichlet(torch.ones(3)))
    rate = pyro.sample("rate", dist.LogNormal(0.0, 1.0))
    with pyro.plate("data", 3), poutine.scale(scale=2.0):
        theta = pyro.sample("theta", dist.Gamma(1.0 + shares, rate))
        pyro.sample("x", dist.Normal(theta, 1.0), obs=DATA)


def trained(make: Any) -> Any:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    guide = make(model)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.01}), Trace_ELBO())
    for _ in range(5):
        svi.step()
    return guide


def log_weight(guide: Any, values: dict[str, torch.Tensor]) -> tuple[torch.Tensor, Any]:
    """Model less guide, at given values of the guide's auxiliary sites."""
    guided = poutine.trace(poutine.condition(guide, values)).get_trace()
    modelled = poutine.trace(poutine.replay(model, guided)).get_trace()
    # the scale of the plate is one of the model's terms: not of the change of variables
    plain = sum(
        site["fn"].log_prob(site["value"]).sum()
        for site in guided.nodes.values()
        if site["type"] == "sample" and site["name"] != "data"
    )
    return modelled.log_prob_sum() - plain, guided


@pytest.mark.parametrize("make", TRANSFORMS)
def test_neutra_weighs_as_importance_sampling_does(make: Any) -> None:
    guide = trained(make)
    neutra = NeuTraReparam(guide)
    z = torch.linspace(-1.0, 1.0, guide.latent_dim)
    u = guide.get_transform()(z).detach()
    name = f"_{guide._pyro_name}_latent"
    expected, guided = log_weight(guide, {name: u})
    program = poutine.condition(neutra.reparam(model), {"shares_shared_latent": z})
    trace = poutine.trace(program).get_trace()
    found = trace.log_prob_sum() - guide.get_base_dist().log_prob(z)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    values = neutra.transform_sample(z.expand(2, 1, -1))
    for site in SITES:
        torch.testing.assert_close(trace.nodes[site]["value"], guided.nodes[site]["value"])
        torch.testing.assert_close(
            values[site][1].reshape(-1), guided.nodes[site]["value"].reshape(-1)
        )


@pytest.mark.parametrize("make", GUIDES)
def test_structured_reparam_takes_every_guide_of_deltas(make: Any) -> None:
    guide = trained(make)
    structured = StructuredReparam(guide)
    program = structured.reparam(model)
    drawn = poutine.trace(program).get_trace()
    auxiliary = {
        name: drawn.nodes[name]["value"].detach()
        for name in drawn.stochastic_nodes
        if name != "data"
    }
    trace = poutine.trace(poutine.condition(program, auxiliary)).get_trace()
    expected, guided = log_weight(guide, auxiliary)
    laws = sum(guided.nodes[n]["fn"].log_prob(v).sum() for n, v in auxiliary.items())
    torch.testing.assert_close(trace.log_prob_sum() - laws, expected, rtol=1e-3, atol=1e-3)
    found = structured.transform_samples({n: torch.stack([v, v]) for n, v in auxiliary.items()})
    for site in SITES:
        torch.testing.assert_close(found[site][0], guided.nodes[site]["value"])


def test_an_exact_guide_makes_the_target_standard_normal() -> None:
    def normal() -> None:
        mu = pyro.sample("mu", dist.Normal(0.0, 2.0))
        pyro.sample("x", dist.Normal(mu, 1.0), obs=torch.tensor(1.0))

    guide = ag.AutoMultivariateNormal(normal)
    guide()
    guide.loc.data.fill_(0.8)
    guide.scale = torch.tensor([0.8**0.5])
    program = NeuTraReparam(guide).reparam(normal)
    evidence = dist.Normal(0.0, 5**0.5).log_prob(torch.tensor(1.0))
    for z in (-3.0, 0.0, 2.0):
        value = torch.tensor([z])
        given = poutine.condition(program, {"mu_shared_latent": value})
        density = poutine.trace(given).get_trace().log_prob_sum()
        expected = evidence + dist.Normal(0.0, 1.0).log_prob(value).sum()
        torch.testing.assert_close(density, expected, rtol=1e-4, atol=1e-4)


def funnel() -> None:
    tau = pyro.sample("tau", dist.LogNormal(0.0, 2.0))
    with pyro.plate("data", 3):
        theta = pyro.sample("theta", dist.Normal(1.0, tau))
        pyro.sample("x", dist.Normal(theta, 5.0), obs=DATA)


@pytest.mark.parametrize("start", [ag.init_to_median, ag.init_to_sample, ag.init_to_feasible])
@pytest.mark.parametrize("family", [ag.AutoNormal, ag.AutoMultivariateNormal, ag.AutoDelta])
def test_guides_of_reparameterised_models_start_and_fit(family: Any, start: Any) -> None:
    pyro.clear_param_store()
    program = AutoReparam()(funnel)
    guide = family(program, init_loc_fn=start)
    svi = SVI(program, guide, pyro.optim.Adam({"lr": 0.01}), Trace_ELBO())
    for _ in range(3):
        svi.step()
    assert set(guide.median()) == {"tau_base_decentered", "theta_decentered"}
    assert pyro.param("theta_centered").shape == ()


def test_a_guide_starts_where_the_user_says() -> None:
    pyro.clear_param_store()
    program = poutine.reparam(funnel, config={"theta": LocScaleReparam(0.0)})
    theta, tau = torch.tensor([2.0, 3.0, 4.0]), torch.tensor(0.5)
    strategy = ag.init_to_value(values={"theta": theta, "tau": tau})
    guide = ag.AutoDelta(program, init_loc_fn=strategy)
    guide()
    trace = poutine.trace(poutine.replay(program, poutine.trace(guide).get_trace())).get_trace()
    torch.testing.assert_close(trace.nodes["theta"]["value"], theta)
    torch.testing.assert_close(trace.nodes["theta_decentered"]["value"], (theta - 1) / tau)
