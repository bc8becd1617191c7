"""Sites that are drawn and scored as one vector: nothing but time tells the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer import SVI, Predictive, Trace_ELBO, TraceGraph_ELBO, TraceMeanField_ELBO
from pyro.infer.autoguide import AutoNormal, drawn_together

Y = torch.linspace(-1.0, 1.0, 12)


def numbers() -> None:
    """Sets of 12 and of 9 numbers, one of too few, and others between them."""
    x = [pyro.sample(f"x{i}", dist.Normal(0.0, 1.0)) for i in range(12)]
    with pyro.plate("rows", 3):
        pyro.sample("v", dist.Normal(0.0, 1.0))
    few = pyro.sample("few", dist.Gamma(2.0, 1.0))
    pyro.sample("w", dist.Dirichlet(torch.ones(3)))
    s = [pyro.sample(f"s{i}", dist.LogNormal(0.0, 1.0)) for i in range(9)]
    scale = (few + sum(s)).unsqueeze(-1)
    pyro.sample("y", dist.Normal(torch.stack(x, -1), scale).to_event(1), obs=Y)


def bounded() -> None:
    """Supports that move with other sites."""
    top = pyro.sample("top", dist.LogNormal(0.0, 1.0))
    parts = [pyro.sample(f"p{i}", dist.Uniform(0.0, top)) for i in range(10)]
    pyro.sample("y", dist.Normal(sum(parts), 1.0), obs=torch.tensor(2.0))


@pytest.fixture(params=[torch.float32, torch.float64], autouse=True)
def dtype(request: Any) -> Iterator[torch.dtype]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


def both(monkeypatch: pytest.MonkeyPatch, found: Callable[[], Any]) -> tuple[Any, Any]:
    """What comes out with vectors, and one by one."""
    results = []
    for least in (8, 10**6):
        monkeypatch.setattr(drawn_together, "LEAST", least)
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        results.append((found(), torch.get_rng_state()))
    together, apart = results
    assert torch.equal(together[1], apart[1])
    return together[0], apart[0]


OBJECTIVES: dict[str, Callable[[], Any]] = {
    "Trace_ELBO": Trace_ELBO,
    "TraceMeanField_ELBO": TraceMeanField_ELBO,
    "TraceGraph_ELBO": TraceGraph_ELBO,
    "particles": lambda: Trace_ELBO(num_particles=3),
    "vectorized particles": lambda: Trace_ELBO(num_particles=3, vectorize_particles=True),
}


@pytest.mark.parametrize("model", [numbers, bounded])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_same_fit(model: Any, objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit() -> tuple[list[float], dict[str, Tensor]]:
        guide = AutoNormal(model)
        svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.05}), OBJECTIVES[objective]())
        losses = [svi.step() for _ in range(4)]
        return losses, {k: v.detach().clone() for k, v in guide.state_dict().items()}

    together, apart = both(monkeypatch, fit)
    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-5)


def test_the_draws_are_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def draws() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        guide = AutoNormal(numbers)
        trace = poutine.trace(guide).get_trace()
        trace.compute_log_prob()
        return (
            {name: trace.nodes[name]["value"] for name in trace.stochastic_nodes},
            {name: trace.nodes[name]["log_prob"] for name in trace.stochastic_nodes},
        )

    (values, scores), (expected, densities) = both(monkeypatch, draws)
    assert all(torch.equal(values[name], expected[name]) for name in expected)
    torch.testing.assert_close(scores, densities, rtol=1e-6, atol=1e-6)


def test_laws_are_those_of_the_sites() -> None:
    """A later draw is another; any value has a density; a value from elsewhere counts."""
    guide = AutoNormal(numbers)
    guide.setup()
    given = {"x3_unconstrained": torch.tensor(7.0)}
    trace = poutine.trace(poutine.condition(guide, data=given)).get_trace()
    trace.compute_log_prob()
    assert trace.nodes["x3"]["value"].item() == 7.0
    for i in range(12):
        fn, value = (trace.nodes[f"x{i}_unconstrained"][key] for key in ("fn", "value"))
        plain = dist.Normal(guide.locs.__getattr__(f"x{i}"), fn.scale)
        torch.testing.assert_close(fn.log_prob(value), plain.log_prob(value))
        torch.testing.assert_close(
            trace.nodes[f"x{i}_unconstrained"]["log_prob"], plain.log_prob(value)
        )
        assert fn.rsample() != value and fn.sample((5,)).unique().numel() == 5
        assert fn.expand((2,)).rsample().shape == (2,)


def test_gradients_are_there_whatever_is_asked_before() -> None:
    guide = AutoNormal(numbers)
    guide.setup()
    with torch.no_grad():
        assert not guide()["x0"].requires_grad
    trace = poutine.trace(guide).get_trace()
    with torch.no_grad():
        scores = [trace.nodes[f"x{i}_unconstrained"]["fn"].log_prob(Y[i]) for i in range(12)]
    assert not any(score.requires_grad for score in scores)
    (trace.log_prob_sum() + trace.nodes["x4"]["value"]).backward()
    leaf = pyro.param("AutoNormal.locs.x4").unconstrained()
    assert leaf.grad is not None and abs(leaf.grad.item() - 1.0) < 1e-5


@pytest.mark.parametrize("parallel", [False, True])
def test_predictions(parallel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def predicted() -> dict[str, Tensor]:
        guide = AutoNormal(numbers)
        return dict(Predictive(numbers, guide=guide, num_samples=3, parallel=parallel)())

    together, apart = both(monkeypatch, predicted)
    assert all(torch.equal(together[name], apart[name]) for name in apart)
