"""What cannot be enumerated is refused, with the sites and plates named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.errors import ShapeError, SiteError
from pyro.infer import (
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceEnumSample_ELBO,
    config_enumerate,
    infer_discrete,
)
from pyro.infer.errors import InferenceError

P2 = torch.tensor([0.4, 0.6])
TABLE = torch.tensor([[0.7, 0.3], [0.2, 0.8]])


def nothing(*args: Any) -> None:
    """A guide for models that sum over all of their sites."""


def loss(model: Callable[[], Any], guide: Callable[[], Any] = nothing, nesting: int = 1) -> float:
    return TraceEnum_ELBO(max_plate_nesting=nesting).loss(model, guide)


def test_a_history_that_is_too_short() -> None:
    @config_enumerate
    def model() -> None:
        x: Any = 0
        y: Any = 0
        for t in pyro.markov(range(4)):
            x, y = pyro.sample(f"x_{t}", dist.Categorical(TABLE[x] * TABLE[y])), x

    with pytest.raises(ShapeError, match=r'conflict at site "x_2".*increasing pyro.markov history'):
        loss(model)


def test_a_state_that_is_used_after_the_chain() -> None:
    @config_enumerate
    def model() -> None:
        states = [0]
        for t in pyro.markov(range(4)):
            states.append(pyro.sample(f"x_{t}", dist.Categorical(TABLE[states[-1]])))
        pyro.sample("y", dist.Normal(1.0 * sum(states[-2:]), 1.0), obs=torch.tensor(0.0))

    with pytest.raises(ShapeError, match=r'site "y".*move the site into the markov context'):
        loss(model)


def test_a_variable_that_leaks_out_of_its_plate() -> None:
    @config_enumerate
    def model() -> None:
        with pyro.plate("data", 3):
            z = pyro.sample("z", dist.Bernoulli(0.3))
        pyro.sample("x", dist.Normal(z[..., :1].squeeze(-1), 1.0), obs=torch.tensor(0.0))

    def leaking() -> None:
        with pyro.plate("data", 3):
            z = pyro.sample("z", dist.Bernoulli(0.3), infer={"enumerate": "parallel"})
        pyro.factor("x", z)

    match = r'site "x" depends on the enumerated site "z", but is outside of plate\("data"\)'
    with pytest.raises(SiteError, match=match):
        loss(leaking)
    with pytest.raises(ShapeError, match='site "x"'):
        loss(model)


def test_a_sibling_plate_that_shares_the_dim() -> None:
    def model() -> None:
        with pyro.plate("one", 3):
            z = pyro.sample("z", dist.Bernoulli(0.3), infer={"enumerate": "parallel"})
        with pyro.plate("two", 3):
            pyro.sample("x", dist.Normal(z, 1.0), obs=torch.zeros(3))

    with pytest.raises(SiteError, match=r'"x" depends on .*"z".*outside of plate\("one"\)'):
        loss(model)


def test_crossing_plates() -> None:
    @config_enumerate
    def model() -> None:
        rows, columns = pyro.plate("rows", 2, dim=-2), pyro.plate("columns", 3, dim=-1)
        with rows:
            z = pyro.sample("z", dist.Bernoulli(0.3))
        with columns:
            w = pyro.sample("w", dist.Bernoulli(0.3))
        with rows, columns:
            pyro.sample("x", dist.Normal(z + w, 1.0), obs=torch.zeros(2, 3))

    with pytest.raises(SiteError, match=r'"[zw]" in plates .*"[zw]" in plates .*like a tree'):
        loss(model, nesting=2)


def test_too_few_dims_for_the_plates() -> None:
    @config_enumerate
    def model() -> None:
        with pyro.plate("rows", 2, dim=-2), pyro.plate("columns", 3, dim=-1):
            pyro.sample("z", dist.Bernoulli(0.3))

    with pytest.raises(
        ShapeError, match=r'plate."rows". is at dim -2.*max_plate_nesting to at least 2'
    ):
        loss(model, nesting=1)
    assert loss(model, nesting=2) == pytest.approx(0.0, abs=1e-6)


def test_different_scales() -> None:
    @config_enumerate
    def model(scale: Any = 1.0) -> None:
        z = pyro.sample("z", dist.Bernoulli(0.3))
        with pyro.plate("data", 10, 2), poutine.scale(scale=scale):
            pyro.sample("x", dist.Normal(z, 1.0), obs=torch.zeros(2))

    with pytest.raises(SiteError, match=r"common poutine.scale.*'z': 1.0, 'x': 5.0"):
        loss(model)
    with pytest.raises(SiteError, match=r"site 'x' is enumerated.*scale that is a tensor"):
        loss(lambda: model(torch.tensor([1.0, 2.0])))


def test_a_guide_that_is_more_local_than_the_model() -> None:
    def model() -> None:
        z = pyro.sample("z", dist.Bernoulli(0.3), infer={"enumerate": "parallel"})
        with pyro.plate("data", 3):
            w = pyro.sample("w", dist.Bernoulli(0.4))
            pyro.sample("x", dist.Normal(z + w, 1.0), obs=torch.zeros(3))

    def guide() -> None:
        with pyro.plate("data", 3):
            pyro.sample("w", dist.Bernoulli(0.5), infer={"enumerate": "parallel"})

    with pytest.raises(SiteError, match=r'"w" is enumerated in the guide in plate\("data"\).*"z"'):
        loss(model, guide)


def test_a_guided_site_that_leaks_out_of_its_plate() -> None:
    def model() -> None:
        with pyro.plate("data", 3):
            z = pyro.sample("z", dist.Bernoulli(0.3))
        pyro.factor("f", z)

    def guide() -> None:
        with pyro.plate("data", 3):
            pyro.sample("z", dist.Bernoulli(0.3), infer={"enumerate": "parallel"})

    with pytest.raises(SiteError, match=r'"z" is enumerated in the guide.*"f" that depends on it'):
        loss(model, guide)


def test_nothing_is_enumerated() -> None:
    @config_enumerate
    def auxiliary() -> None:
        pyro.sample("z", dist.Bernoulli(0.5), infer={"is_auxiliary": True})

    def model() -> None:
        pyro.sample("x", dist.Normal(0.0, 1.0), obs=torch.tensor(0.0))

    with pytest.warns(UserWarning, match="no sample sites configured for enumeration"):
        loss(model)
    quiet = TraceEnum_ELBO(max_plate_nesting=0, strict_enumeration_warning=False)
    assert quiet.loss(model, nothing) == pytest.approx(0.9189, abs=1e-3)
    with pytest.warns(UserWarning, match="no sample sites configured for enumeration"):
        infer_discrete(model, first_available_dim=-1)()
    with pytest.warns(UserWarning, match="use TraceEnum_ELBO instead"):
        Trace_ELBO().loss(
            nothing,
            config_enumerate(
                lambda: pyro.sample("z", dist.Bernoulli(0.5), infer={"is_auxiliary": True})
            ),
        )


def test_posterior_methods_refuse_what_they_cannot_do() -> None:
    @config_enumerate
    def model() -> None:
        pyro.sample("z", dist.Bernoulli(0.3))

    with pytest.raises(NotImplementedError, match="num_particles=1"):
        TraceEnum_ELBO(num_particles=2).compute_marginals(model, nothing)
    with pytest.raises(NotImplementedError, match="does not sum over the guide"):
        TraceEnum_ELBO().sample_posterior(model, model)
    with pytest.raises(InferenceError, match="num_particles=1"):
        TraceEnumSample_ELBO(num_particles=2).loss(model, nothing)
    with pytest.raises(InferenceError, match="compute a loss first"):
        TraceEnumSample_ELBO().sample_saved()
    with pytest.raises(InferenceError, match="first_available_dim must be negative"):
        infer_discrete(model)
    with pytest.raises(InferenceError, match="temperature must be 0"):
        infer_discrete(model, first_available_dim=-1, temperature=2)


def test_a_draw_that_varies_with_an_enumerated_site_is_no_evidence() -> None:
    """An unobserved continuous site downstream leaves the posterior as it is."""

    @config_enumerate
    def model() -> torch.Tensor:
        z = pyro.sample("z", dist.Bernoulli(0.3))
        x = pyro.sample("x", dist.Normal(100.0 * z, 1.0))
        return torch.stack([z, x])

    torch.manual_seed(0)
    draws = torch.stack([infer_discrete(model, first_available_dim=-1)() for _ in range(400)])
    assert abs(draws[:, 0].mean() - 0.3) < 0.115  # five standard errors
    assert ((draws[:, 1] > 50) == (draws[:, 0] == 1)).all()


def test_values_of_outer_handlers_are_used() -> None:
    @infer_discrete(first_available_dim=-1, temperature=0)
    @config_enumerate
    def model() -> torch.Tensor:
        loc = pyro.sample("loc", dist.Normal(0.0, 1.0))
        z = pyro.sample("z", dist.Bernoulli(0.5))
        pyro.sample("x", dist.Normal(loc * z, 0.1), obs=torch.tensor(3.0))
        return z

    tracer = poutine.trace(poutine.condition(model, data={"loc": torch.tensor(3.0)}))
    assert tracer.get_trace().nodes["_RETURN"]["value"] == 1
    conditioned = poutine.condition(model, data={"loc": torch.tensor(-3.0)})
    assert conditioned() == 0
