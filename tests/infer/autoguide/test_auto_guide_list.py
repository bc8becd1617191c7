"""Guides of parts, and discrete sites."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.errors import SiteError
from pyro.infer import SVI, Trace_ELBO, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import (
    AutoCallable,
    AutoDelta,
    AutoDiagonalNormal,
    AutoDiscreteParallel,
    AutoGuide,
    AutoGuideList,
    AutoNormal,
)
from pyro.optim import Adam


def two_sites() -> None:
    scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    pyro.sample("x", dist.Normal(torch.zeros(3), scale.unsqueeze(-1)).to_event(1))


def test_list_state_is_loaded_before_the_first_call() -> None:
    def make() -> AutoGuideList:
        guide = AutoGuideList(two_sites)
        guide.append(AutoDelta(poutine.block(two_sites, expose=["scale"])))
        guide.append(AutoDiagonalNormal(poutine.block(two_sites, hide=["scale"])))
        return guide

    first = make().setup()
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(1.0)
    fresh = make()
    fresh.load_state_dict(first.state_dict())
    expected = first.median()
    pyro.clear_param_store()
    torch.testing.assert_close(fresh.median(), expected)
    assert sorted(fresh.state_dict()) == ["0.scale_unconstrained", "1.loc", "1.scale_unconstrained"]
    assert isinstance(fresh[0], AutoDelta)
    assert len(fresh) == 2


def test_parts_share_plates_and_indices() -> None:
    def model() -> Tensor:
        with pyro.plate("data", 10, subsample_size=4) as index:
            pyro.sample("a", dist.Normal(0.0, 1.0))
            pyro.sample("b", dist.Normal(0.0, 1.0))
        return index

    guide = AutoGuideList(model)
    guide.append(AutoDelta(poutine.block(model, expose=["a"])))
    guide.append(AutoNormal(poutine.block(model, hide=["a"])))
    losses = [SVI(model, guide, Adam({"lr": 0.01}), Trace_ELBO()).step() for _ in range(3)]
    assert all(torch.tensor(losses).isfinite())
    trace = poutine.trace(guide).get_trace()
    index = poutine.replay(model, trace=trace)()
    assert torch.equal(trace.nodes["a"]["value"], guide[0].a[index])
    assert guide[1].plates is guide.plates


def test_a_function_in_a_list() -> None:
    def guide_x() -> None:
        loc = pyro.param("x_loc", torch.zeros(3))
        pyro.sample("x", dist.Normal(loc, 1.0).to_event(1))

    guide = AutoGuideList(two_sites)
    guide.append(AutoNormal(poutine.block(two_sites, hide=["x"])))
    guide.append(guide_x)
    assert isinstance(guide[1], AutoCallable)
    losses = [SVI(two_sites, guide, Adam({"lr": 0.01}), Trace_ELBO()).step() for _ in range(2)]
    assert all(torch.tensor(losses).isfinite())
    assert guide.median().keys() == {"scale"}


def mixture(x: Tensor) -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Bernoulli(0.5))
        pyro.sample("x", dist.Normal(loc + z, 0.1), obs=x)


@pytest.mark.parametrize("cls", [AutoDelta, AutoNormal, AutoDiagonalNormal])
def test_discrete_sites_are_refused_with_a_recipe(cls: type[AutoGuide]) -> None:
    with pytest.raises(SiteError, match=r"'z' .*AutoGuideList with poutine.block"):
        cls(mixture)(torch.zeros(2))


def test_sites_that_the_objective_sums_out_need_no_guide() -> None:
    model = config_enumerate(mixture)
    guide = AutoNormal(model)
    x = torch.tensor([0.3, 1.3, 0.3])
    svi = SVI(model, guide, Adam({"lr": 0.05}), TraceEnum_ELBO(max_plate_nesting=1))
    losses = [svi.step(x) for _ in range(150)]
    assert guide(x).keys() == {"loc"}
    assert losses[-1] < losses[0]
    assert abs(guide.median(x)["loc"].item() - 0.3) < 0.1


def test_discrete_part_in_a_list() -> None:
    """The posterior of z is almost certain."""
    guide = AutoGuideList(mixture)
    guide.append(AutoNormal(poutine.block(mixture, hide=["z"])))
    guide.append(AutoDiscreteParallel(poutine.block(mixture, expose=["z"])))
    x = torch.tensor([0.3, 1.3, 0.3])
    svi = SVI(mixture, guide, Adam({"lr": 0.1}), TraceEnum_ELBO(max_plate_nesting=1))
    for _ in range(150):
        svi.step(x)
    median = guide.median(x)
    assert abs(median["loc"].item() - 0.3) < 0.15
    assert median["z"].tolist() == [0.0, 1.0, 0.0]
    assert guide.quantiles([0.1, 0.9], x).keys() == {"loc"}


@pytest.mark.parametrize(
    "fn",
    [
        dist.Bernoulli(torch.tensor(0.3)),
        dist.Bernoulli(logits=torch.tensor([0.3, 2.0])).mask(torch.tensor([True, False])),
        dist.Categorical(torch.tensor([1.0, 0.0, 0.0])),
        dist.OneHotCategorical(torch.tensor([0.2, 0.8])),
    ],
)
def test_discrete_families(fn: Any) -> None:
    def model() -> None:
        with pyro.plate("p", 2):
            pyro.sample("z", fn)

    guide = AutoDiscreteParallel(model)
    loss = TraceEnum_ELBO(max_plate_nesting=1).differentiable_loss(model, guide)
    assert loss.isfinite()
    assert guide.median()["z"].shape == fn.expand([2]).sample().shape


def test_discrete_parallel_refuses_other_sites() -> None:
    with pytest.raises(SiteError, match=r"site 'x' has the law Poisson.*, but only Bernoulli"):
        AutoDiscreteParallel(lambda: pyro.sample("x", dist.Poisson(1.0)))()
