"""Strategies choose finite points of the support, with the shape of the site."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.errors import ShapeError
from pyro.infer.autoguide import (
    InitMessenger,
    init_to_feasible,
    init_to_generated,
    init_to_mean,
    init_to_median,
    init_to_sample,
    init_to_uniform,
    init_to_value,
)

FAMILIES = {
    "normal": lambda: dist.Normal(torch.tensor([1.0, 2.0]), 1.0),
    "double": lambda: dist.Normal(torch.zeros(2, dtype=torch.float64), 1.0),
    "positive": lambda: dist.Gamma(2.0, 3.0),
    "interval": lambda: dist.Uniform(-1.0, torch.tensor([3.0, 4.0])),
    "heavy": lambda: dist.HalfCauchy(torch.ones(3)),
    "simplex": lambda: dist.Dirichlet(torch.ones(2, 4)),
    "correlation": lambda: dist.LKJCholesky(3, 1.0),
    "correlation matrix": lambda: dist.LKJ(3, 1.0),
    "ordered": lambda: dist.TransformedDistribution(
        dist.Normal(torch.zeros(3), 1.0), dist.transforms.OrderedTransform()
    ),
    "positive definite": lambda: dist.Wishart(torch.tensor(5.0), torch.eye(3)),
    "direction": lambda: dist.ProjectedNormal(torch.zeros(3)),
    "angle": lambda: dist.VonMises(0.0, 2.0),
    "improper": lambda: dist.ImproperUniform(dist.constraints.positive, (2,), (3,)),
    "event": lambda: dist.LogNormal(torch.zeros(2, 3), 1.0).to_event(2),
    "masked": lambda: dist.Exponential(torch.ones(2)).mask(torch.tensor([True, False])),
}
STRATEGIES = {
    "feasible": init_to_feasible,
    "sample": init_to_sample,
    "median": init_to_median,
    "mean": init_to_mean,
    "uniform": init_to_uniform,
    "value": init_to_value(values={}),
    "generated": init_to_generated(generate=lambda: init_to_median),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_values_are_in_the_support(family: str, strategy: str) -> None:
    fn = FAMILIES[family]()
    if family == "improper" and strategy == "sample":
        pytest.skip("an improper distribution cannot be drawn from")
    with InitMessenger(STRATEGIES[strategy]), poutine.trace() as traced:
        value = pyro.sample("x", fn)
    assert value.shape == fn.shape()
    assert torch.isfinite(value).all()
    assert fn.support.check(value).all()
    assert value.dtype == (torch.float64 if family == "double" else torch.float32)
    assert not traced.trace.nodes["x"]["is_observed"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_discrete_sites_are_drawn(strategy: str) -> None:
    with InitMessenger(STRATEGIES[strategy]):
        assert pyro.sample("z", dist.Categorical(torch.tensor([0.0, 0.0, 1.0]))) == 2


def test_feasible_uses_no_random_numbers() -> None:
    before = torch.get_rng_state()
    with InitMessenger(init_to_feasible):
        pyro.sample("x", dist.Gamma(2.0, 3.0))
    assert torch.equal(before, torch.get_rng_state())


def test_values_win_and_the_others_fall_back() -> None:
    strategy = init_to_value(values={"a": 0.25, "c": torch.ones(1)}, fallback=init_to_mean)
    with InitMessenger(strategy):
        assert pyro.sample("a", dist.Normal(0.0, 1.0)) == 0.25
        assert pyro.sample("b", dist.Normal(7.0, 1.0)) == 7.0
        assert pyro.sample("c", dist.Normal(torch.zeros(3), 1.0)).tolist() == [1.0] * 3


def test_a_value_of_another_shape_names_the_site() -> None:
    with InitMessenger(init_to_value(values={"a": torch.zeros(2)})):
        with pytest.raises(ShapeError, match=r"'a'.*\(2,\).*\(3,\)"):
            pyro.sample("a", dist.Normal(torch.zeros(3), 1.0))


def test_observed_sites_and_subsamples_are_left_alone() -> None:
    seen: list[str] = []

    def strategy(site: Any) -> None:
        seen.append(site["name"])

    with InitMessenger(strategy):
        with pyro.plate("data", 4, subsample_size=2):
            pyro.sample("x", dist.Normal(0.0, 1.0))
            pyro.sample("y", dist.Normal(0.0, 1.0), obs=torch.zeros(2))
    assert seen == ["x"]


def test_generated_strategies_are_joint_and_new_for_each_run() -> None:
    made = iter(range(10))

    def generate() -> Any:
        x = torch.tensor(float(next(made)))
        return init_to_value(values={"a": x, "b": -x})

    with InitMessenger(init_to_generated(generate=generate)):
        for run in range(3):
            a = pyro.sample("a", dist.Normal(0.0, 1.0))
            b = pyro.sample("b", dist.Normal(0.0, 1.0))
            assert (a.item(), b.item()) == (run, -run)
