"""Many points at once are the same as one after the other, and models that cannot are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.vectorized import BatchedDensity, Broadcasting


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def hierarchical() -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 5.0))
    scale = pyro.sample("scale", dist.HalfCauchy(1.0))
    with pyro.plate("groups", 3, dim=-2):
        theta = pyro.sample("theta", dist.Normal(loc, scale))
        pyro.deterministic("shifted", theta + 1)
        with pyro.plate("data", 4, dim=-1):
            pyro.sample("y", dist.Normal(theta, 1.0), obs=torch.arange(12.0).reshape(3, 4))


def regression() -> None:
    x = torch.arange(12.0).reshape(4, 3) / 10
    weights = pyro.sample("weights", dist.Normal(torch.zeros(3), 1.0).to_event(1))
    logits = pyro.deterministic("logits", (x @ weights.unsqueeze(-1)).squeeze(-1), event_dim=0)
    with pyro.plate("data", 4):
        pyro.sample("y", dist.Bernoulli(logits=logits), obs=torch.tensor([0.0, 1.0, 1.0, 0.0]))


def without_plates() -> None:
    x = pyro.sample("x", dist.Normal(torch.zeros(3), 1.0))
    pyro.sample("y", dist.Normal(x, 1.0), obs=torch.ones(3))


def simplex() -> None:
    p = pyro.sample("p", dist.Dirichlet(torch.ones(3)))
    with pyro.plate("data", 5):
        pyro.sample("z", dist.Categorical(p), obs=torch.tensor([0, 1, 1, 2, 2]))


def mixture() -> None:
    with pyro.plate("components", 2):
        locs = pyro.sample("locs", dist.Normal(0.0, 3.0))
    with pyro.plate("data", 3):
        z = pyro.sample("z", dist.Bernoulli(0.3))
        loc = torch.where(z.bool(), locs[..., :1], locs[..., 1:])
        pyro.sample("y", dist.Normal(loc, 1.0), obs=torch.tensor([1.0, -0.5, 2.0]))


def moving() -> None:
    alpha = pyro.sample("alpha", dist.Uniform(0.0, 1.0))
    pyro.sample("beta", dist.Uniform(0.0, 1.0 - alpha))


def indexes_from_the_left() -> None:
    x = pyro.sample("x", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    pyro.sample("y", dist.Normal(x[0] * x[1], 1.0), obs=torch.tensor(0.0))


def branches() -> None:
    x = pyro.sample("x", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(1.0 if x > 0 else -1.0, 1.0), obs=torch.tensor(0.5))


WAYS: dict[Callable[[], None], str] = {
    hierarchical: "broadcast",
    regression: "vmap",
    without_plates: "broadcast",
    simplex: "broadcast",
    mixture: "broadcast",
    moving: "broadcast",
    indexes_from_the_left: "vmap",
    branches: "loop",
}


@pytest.mark.parametrize("model", WAYS)
def test_the_way_is_right(model: Callable[[], None]) -> None:
    posterior = ModelDensity(model)
    density = BatchedDensity(posterior)
    assert density.how == WAYS[model], density.why
    x = torch.randn(2, 5, posterior.dim)
    for found, expected in zip(density.value_and_grad(x), posterior.value_and_grad(x), strict=True):
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(density.value(x[0, 0]), posterior.value(x[0, 0]))


@pytest.mark.parametrize("model", [hierarchical, simplex])
def test_deterministic_sites(model: Callable[[], None]) -> None:
    posterior = ModelDensity(model)
    x = torch.randn(7, posterior.dim)
    found, expected = Broadcasting(posterior).deterministic(x), posterior.deterministic(x)
    assert found.keys() == expected.keys()
    for name in found:
        torch.testing.assert_close(found[name], expected[name])


def test_it_says_why() -> None:
    why = BatchedDensity(ModelDensity(branches)).why
    assert [reason.split(":")[0] for reason in why] == ["broadcast", "vmap"]
