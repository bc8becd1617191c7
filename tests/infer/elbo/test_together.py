"""Alike sites that are scored together have the log-probabilities that each has alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.errors import SiteError
from pyro.infer.elbo import together
from pyro.infer.elbo.scoring import scored_sites
from pyro.infer.elbo.together import PARAMETERS, score_same, score_together
from pyro.infer.model.density import ModelDensity
from pyro.ops.stacking import Rows

STEPS = 10
FAMILIES: dict[str, Callable[[torch.Tensor], Any]] = {
    "Bernoulli": lambda u: dist.Bernoulli(u.sigmoid()),
    "Bernoulli logits": lambda u: dist.Bernoulli(logits=u),
    "Beta": lambda u: dist.Beta(u.exp(), 2.0),
    "Cauchy": lambda u: dist.Cauchy(u, 2.0),
    "Exponential": lambda u: dist.Exponential(u.exp()),
    "Gamma": lambda u: dist.Gamma(2.0, u.exp()),
    "HalfNormal": lambda u: dist.HalfNormal(u.exp()),
    "Laplace": lambda u: dist.Laplace(u, 2.0),
    "LogNormal": lambda u: dist.LogNormal(u, 0.5),
    "Normal": lambda u: dist.Normal(u, u.exp()),
    "Poisson": lambda u: dist.Poisson(u.exp()),
    "StudentT": lambda u: dist.StudentT(4.0, u, 1.0),
    "to_event": lambda u: dist.Normal(u * torch.ones(3), 1.0).to_event(1),
}


def trace_of(model: Callable[[], None]) -> Any:
    return poutine.trace(model).get_trace()


def test_every_family_has_a_case() -> None:
    named = {name.split()[0] for name in FAMILIES}
    assert {kind.__name__ for kind in PARAMETERS} <= named


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shape", [(), (2,), (3, 1)], ids=str)
def test_families(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)

    def model() -> None:
        for t in range(STEPS):
            fn = FAMILIES[name](torch.randn(shape if name != "to_event" else (*shape, 1)))
            pyro.sample(f"x_{t}", fn)

    trace = trace_of(model)
    groups = score_together(scored_sites(trace))
    assert [len(g.sites) for g in groups] == [STEPS]
    expected = [site["fn"].log_prob(site["value"]) for site in trace.nodes.values() if "fn" in site]
    torch.testing.assert_close(groups[0].total, torch.stack(expected[:STEPS]).sum())
    groups[0].fill(Rows())
    for t in range(STEPS):
        torch.testing.assert_close(trace.nodes[f"x_{t}"]["log_prob"], expected[t])


class Shifted(dist.Normal):
    """A family of a user, with a density of its own."""

    def log_prob(self, value: Any) -> torch.Tensor:
        return super().log_prob(value) + 1


def test_what_is_not_alike_is_left_alone() -> None:
    def model() -> None:
        for t in range(STEPS):
            pyro.sample(f"own_{t}", Shifted(0.0, 1.0))
            with poutine.mask(mask=torch.tensor(t % 2 == 0)):
                pyro.sample(f"masked_{t}", dist.Normal(0.0, 1.0))
            with poutine.scale(scale=torch.tensor(2.0)):
                pyro.sample(f"scaled_{t}", dist.Normal(0.0, 1.0))
        pyro.sample("few", dist.Normal(0.0, 1.0))

    assert score_together(scored_sites(trace_of(model))) == []


def chain(data: torch.Tensor) -> None:
    drift = pyro.sample("drift", dist.Normal(0.0, 1.0))
    z = torch.zeros(())
    for t in range(len(data)):
        with poutine.scale(scale=1.0 + t % 2):
            z = pyro.sample(f"z_{t}", dist.Normal(0.9 * z + drift, 0.5))
        rate = pyro.sample(f"rate_{t}", dist.Gamma(2.0, z.exp()))
        with pyro.plate(f"plate_{t}", 4):
            pyro.sample(f"x_{t}", dist.Normal(z, rate), obs=data[t])


def test_the_density_of_a_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    data = torch.randn(20, 4)
    density = ModelDensity(chain, data)
    x = torch.randn(density.dim)
    value, gradient = density.value_and_grad(x)
    monkeypatch.setattr(together, "LEAST", 10**6)
    alone, alone_gradient = density.value_and_grad(x)
    torch.testing.assert_close(value, alone)
    torch.testing.assert_close(gradient, alone_gradient)


def test_a_site_outside_of_its_support_is_named() -> None:
    def model() -> None:
        p = pyro.sample("p", dist.Normal(0.0, 1.0))
        for t in range(STEPS):
            value = torch.tensor(-1.0 if t == 7 else 1.0)
            pyro.sample(f"x_{t}", dist.Exponential(p.exp()), obs=value)

    density = ModelDensity(model)
    with pytest.raises(SiteError, match="x_7"):
        density.value(torch.zeros(1))


def test_sites_with_the_same_tensors_share_a_score() -> None:
    probs, logits, value = torch.rand(3), torch.randn(3), torch.tensor(1)
    normal = dist.Categorical(probs).probs

    class Own(dist.Categorical):
        def log_prob(self, value: Any) -> torch.Tensor:
            return super().log_prob(value) + 1

    def categorical(param: torch.Tensor, kind: type[dist.Categorical] = dist.Categorical) -> Any:
        fn = kind(probs=probs)
        fn._param = fn.probs = param
        return fn

    cases = {
        "first": (categorical(normal), value),
        "same": (categorical(normal), value),
        "equal": (categorical(normal.clone()), value),
        "other value": (categorical(normal), torch.tensor(2)),
        "logits": (dist.Categorical(logits=logits), value),
        "own": (categorical(normal, Own), value),
        "own again": (categorical(normal, Own), value),
    }

    def model() -> None:
        for name, (fn, at) in cases.items():
            pyro.sample(name, fn, obs=at)
        with poutine.scale(scale=3.0):
            pyro.sample("scaled", *cases["same"][:1], obs=value)
        with poutine.mask(mask=torch.tensor(False)):
            pyro.sample("masked", *cases["same"][:1], obs=value)

    trace = trace_of(model)
    expected = trace_of(model)
    score_same(trace.nodes, scored_sites(trace))
    trace.compute_log_prob()
    expected.compute_log_prob()
    scores = {name: site["log_prob"] for name, site in trace.nodes.items() if "fn" in site}
    for name, score in scores.items():
        torch.testing.assert_close(score, expected.nodes[name]["log_prob"])
    shared = [name for name, score in scores.items() if score is scores["first"]]
    assert shared == ["first", "same"]


@pytest.mark.parametrize("batch", [(), (1,), (4, 1), (1, 2)], ids=str)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["probs", "logits", "one tensor"])
def test_supports_of_categoricals_are_scored_together(
    batch: tuple[int, ...], rank: int, kind: str
) -> None:
    if rank <= len(batch) and batch[-rank] != 1:
        pytest.skip("there is no room")
    one = torch.rand(*batch, 3)

    def model() -> None:
        for t in range(STEPS):
            given = one if kind == "one tensor" else torch.rand(*batch, 3)
            fn = dist.Categorical(**{"logits" if kind == "logits" else "probs": given})
            values = fn.enumerate_support(expand=False).reshape(3, *(1,) * (rank - 1))
            pyro.sample(f"x_{t}", fn, obs=values)
            pyro.sample(f"y_{t}", fn, obs=values.flip(0))

    trace = trace_of(model)
    groups = score_together(scored_sites(trace))
    assert [len(g.sites) for g in groups] == [STEPS]
    groups[0].fill(Rows())
    for t in range(STEPS):
        site = trace.nodes[f"x_{t}"]
        torch.testing.assert_close(site["log_prob"], site["fn"].log_prob(site["value"]))
