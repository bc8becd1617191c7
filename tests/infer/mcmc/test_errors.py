"""What is said when a run cannot be: which site or argument, and what to try."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.errors import PyroError
from pyro.infer import MCMC, NUTS

INF = float("inf")


def normal() -> Tensor:
    return pyro.sample("x", dist.Normal(0.0, 1.0))


def outside() -> None:
    pyro.sample("y", dist.Uniform(normal(), 10.0), obs=torch.tensor(100.0))


def undefined() -> None:
    normal()
    pyro.sample("y", dist.Normal(0.0, 1.0), obs=torch.tensor([0.0, torch.nan]))


def no_slope() -> None:
    pyro.factor("kink", (normal() * 0).sqrt())


def walled() -> None:
    x = pyro.sample("x", dist.Exponential(1.0))
    pyro.factor("wall", torch.where(x > 1e-3, 0.0, -INF) * torch.ones(()))


def subsampled() -> None:
    with pyro.plate("rows", 10, subsample_size=2):
        normal()


def counts() -> None:
    pyro.sample("n", dist.Poisson(2.0))


def undeclared() -> None:
    z = pyro.sample("z", dist.Bernoulli(torch.tensor([0.5, 0.5])))
    pyro.sample("y", dist.Normal(z, 1.0), obs=torch.zeros(2))


def vector() -> None:
    pyro.sample("v", dist.Normal(0.0, 1.0).expand([3]).to_event(1))


def start(name: str, *values: float) -> dict[str, Any]:
    value = torch.tensor(values if len(values) > 1 else values[0])
    return {"initial_params": {name: value}}


CASES: list[tuple[Callable[[], Any], dict[str, Any], list[str]]] = [
    (outside, {}, ["valid initial params", "site 'y'", "log density -inf", "init_to_value"]),
    (undefined, {}, ["valid initial params", "site 'y'", "log density nan", "supports and data"]),
    (no_slope, {}, ["gradient is not, at the sites ['x']", "init_to_value"]),
    (subsampled, {}, ["plate('rows')", "2 of 10", "no subsample_size"]),
    (counts, {}, ["'n' (Poisson)", "support is finite", "AutoGuideList"]),
    (undeclared, {}, ['site "z"', "(2,)", "pyro.plate"]),
    (walled, start("x", -30.0), ["chain 0", "site 'wall' has log density -inf", "unconstrained"]),
    (
        walled,
        {"num_chains": 3, **start("x", 0.0, torch.nan, 0.0)},
        ["chain 1", "site 'x' has log density nan", "init_to_value"],
    ),
    (walled, start("y", 0.0), ["no value for site 'x'", "{'x': ()}", "['y']"]),
    (walled, start("x", 0.0, 1.0), ["['x'] has shape (2,)", "has shape ()"]),
    (vector, start("v", 0.0, 1.0), ["['v'] has shape (2,)", "has shape (3,)"]),
    (normal, {"initial_params": "path"}, ["'path'", '"pathfinder"']),
]


@pytest.mark.parametrize(("model", "options", "words"), CASES)
def test_models(model: Callable[[], Any], options: dict[str, Any], words: list[str]) -> None:
    mcmc = MCMC(NUTS(model), 5, 5, disable_progbar=True, **options)
    with pytest.raises(PyroError) as raised:
        mcmc.run()
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize("energy", [torch.nan, INF])
def test_potentials(energy: float) -> None:
    mcmc = MCMC(
        NUTS(potential_fn=lambda params: params["x"] + energy), 5, 5,
        initial_params={"x": torch.tensor(1.0)}, disable_progbar=True,
    )  # fmt: skip
    with pytest.raises(PyroError, match=f"chain 0 .* potential energy is {energy}"):
        mcmc.run()


@pytest.mark.parametrize("kernel", [normal, NUTS, None])
def test_what_is_no_kernel(kernel: Any) -> None:
    with pytest.raises(PyroError, match=re.escape("as NUTS(model)")):
        MCMC(kernel, 5)
