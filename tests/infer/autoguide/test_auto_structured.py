"""Laws of sites that are shifted by others."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoStructured
from pyro.infer.errors import InferenceError
from pyro.nn import PyroModule
from pyro.optim import Adam


def model(y: Tensor) -> None:
    x = pyro.sample("x", dist.LogNormal(0.0, 1.0))
    with pyro.plate("data", len(y)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(z * x, 1.0), obs=y)


class Noise(PyroModule):
    """Centred noise with a learned scale."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), 0.2))

    def forward(self) -> Tensor:
        unit = dist.Normal(0.0, 1.0).expand([1]).to_event(1)
        z: Tensor = pyro.sample("x_noise", unit, infer={"is_auxiliary": True})
        return z * self.scale


def plain_noise() -> Tensor:
    fn = dist.Normal(torch.zeros(1), 0.1).to_event(1)
    noise: Tensor = pyro.sample("x_noise", fn, infer={"is_auxiliary": True})
    return noise


CONDITIONALS: list[Any] = [
    "delta",
    "normal",
    "mvn",
    {"x": "normal", "z": "mvn"},
    {"x": plain_noise, "z": "delta"},
    {"x": Noise(), "z": "normal"},
]
DEPENDENCIES: list[Any] = [
    "linear",
    {},
    {"z": {"x": "linear"}},
    {"x": {"z": nn.Linear(3, 1)}},
    {"z": {"x": lambda delta: delta.expand(*delta.shape[:-1], 3) * 0.5}},
]


@pytest.mark.parametrize("conditionals", CONDITIONALS)
@pytest.mark.parametrize("dependencies", DEPENDENCIES)
@pytest.mark.parametrize("vectorize", [False, True])
def test_steps(conditionals: Any, dependencies: Any, vectorize: bool) -> None:
    guide = AutoStructured(model, conditionals=conditionals, dependencies=dependencies)
    elbo = Trace_ELBO(num_particles=2, vectorize_particles=vectorize)
    svi = SVI(model, guide, Adam({"lr": 0.05}), elbo)
    y = torch.tensor([1.0, 2.0, 3.0])
    losses = [svi.step(y) for _ in range(3)]
    assert all(torch.tensor(losses).isfinite())
    assert guide(y)["z"].shape == (3,)
    assert guide.median(y)["x"] > 0


def test_log_density_is_that_of_a_normal() -> None:
    """With a linear shift, the joint law of the coordinates is normal and known."""

    def pair() -> None:
        pyro.sample("a", dist.Normal(torch.zeros(2), 1.0).to_event(1))
        pyro.sample("b", dist.Normal(0.0, 1.0))

    guide = AutoStructured(pair, dependencies={"b": {"a": "linear"}}).setup()
    with torch.no_grad():
        for parameter in guide.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    trace = poutine.trace(guide).get_trace()
    value = torch.cat([trace.nodes["a"]["value"], trace.nodes["b"]["value"].reshape(1)])
    tril = torch.zeros(3, 3)
    tril[:2, :2] = guide.scales.a.unsqueeze(-1) * guide.scale_trils.a
    tril[2, :2] = guide.deps.b.a.weight @ tril[:2, :2]
    tril[2, 2] = guide.scales.b
    loc = torch.cat([guide.locs.a, guide.locs.b])
    expected = dist.MultivariateNormal(loc, scale_tril=tril).log_prob(value)
    torch.testing.assert_close(trace.log_prob_sum(), expected)


def test_dependencies_lower_the_loss() -> None:
    """A strongly correlated pair of sites, as a family with a shift can see."""

    def pair() -> None:
        a = pyro.sample("a", dist.Normal(0.0, 1.0))
        pyro.sample("b", dist.Normal(a, 0.1))

    losses = {}
    for dependencies in ("linear", {}):
        pyro.clear_param_store()
        guide = AutoStructured(pair, conditionals="normal", dependencies=dependencies)
        elbo = Trace_ELBO(num_particles=10, vectorize_particles=True)
        svi = SVI(pair, guide, Adam({"lr": 0.05}), elbo)
        for _ in range(200):
            svi.step()
        losses[str(dependencies)] = sum(svi.evaluate_loss() for _ in range(30)) / 30
    assert losses["linear"] < 0.2  # the divergence of a family that contains the posterior is 0
    assert losses["{}"] > 1.0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"conditionals": {"x": "normal"}}, r"must name each latent site.*\['z'\]"),
        ({"conditionals": "exponential"}, "'x' must be one of"),
        ({"dependencies": {"z": {"w": "linear"}}}, r"name \['w'\], but the latent sites"),
        ({"dependencies": {"z": {"x": "linear"}, "x": {"z": "linear"}}}, "have a cycle"),
        ({"dependencies": {"z": {"z": "linear"}}}, "have a cycle"),
        ({"dependencies": {"z": {"x": "quadratic"}}}, "'z' on 'x' must be 'linear'"),
    ],
)
def test_errors(options: dict[str, Any], match: str) -> None:
    with pytest.raises(InferenceError, match=match):
        AutoStructured(model, **options).setup(torch.zeros(3))
