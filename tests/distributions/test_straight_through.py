"""Quantised draws with the gradients of relaxed ones."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import straight_through
from pyro.infer import SVI, Trace_ELBO

PAIRS = [
    (dist.RelaxedBernoulliStraightThrough, dist.RelaxedBernoulli),
    (dist.RelaxedOneHotCategoricalStraightThrough, dist.RelaxedOneHotCategorical),
]
pairs = pytest.mark.parametrize(("quantised", "relaxed"), PAIRS)


def build(family: Any) -> tuple[Any, torch.Tensor]:
    logits = torch.tensor([[0.5, -1.0, 0.2]], requires_grad=True)
    return family(torch.tensor(0.7), logits=logits), logits


@pairs
def test_value_and_gradient(quantised: Any, relaxed: Any) -> None:
    hard, hard_logits = build(quantised)
    soft, soft_logits = build(relaxed)
    weights = torch.tensor([1.0, 2.0, -1.0])
    torch.manual_seed(0)
    x = hard.rsample((4,))
    torch.manual_seed(0)
    y = soft.rsample((4,))
    assert set(x.unique().tolist()) == {0.0, 1.0}
    if hard.event_dim:
        assert torch.equal(x.argmax(-1), y.argmax(-1))
    else:
        assert torch.equal(x, (y > 0.5).float())
    torch.testing.assert_close(hard.log_prob(x), soft.log_prob(y))
    for value in (x, y):
        (value * weights).sum().backward()
    torch.testing.assert_close(hard_logits.grad, soft_logits.grad)


@pairs
def test_another_distribution_scores_the_same_draw(quantised: Any, relaxed: Any) -> None:
    x = build(quantised)[0].rsample()
    other = quantised(torch.tensor(0.3), logits=torch.zeros(1, 3))
    y = straight_through.relaxed_of(other, x)
    twin = relaxed(torch.tensor(0.3), logits=torch.zeros(1, 3))
    torch.testing.assert_close(other.log_prob(x), twin.log_prob(y))


@pairs
def test_quantised_values_from_elsewhere_are_named(quantised: Any, relaxed: Any) -> None:
    d, _ = build(quantised)
    with pytest.raises(ValueError, match="not one that rsample returned"):
        d.log_prob(d.rsample().clone())
    y = d.sample()
    torch.testing.assert_close(d.log_prob(y), build(relaxed)[0].log_prob(y))


def test_relaxed_draws_are_forgotten_with_the_quantised_ones() -> None:
    gc.collect()
    before = len(straight_through._RELAXED)
    x = build(dist.RelaxedBernoulliStraightThrough)[0].rsample()
    assert len(straight_through._RELAXED) == before + 1
    del x
    gc.collect()
    assert len(straight_through._RELAXED) == before


def test_in_a_program() -> None:
    family = dist.RelaxedBernoulliStraightThrough

    def model() -> None:
        with pyro.plate("data", 3):
            z = pyro.sample("z", family(torch.tensor(0.5), logits=torch.tensor(0.0)))
            pyro.sample("x", dist.Normal(z, 1.0), obs=torch.ones(3))

    def guide() -> None:
        logits = pyro.param("logits", torch.zeros(3))
        with pyro.plate("data", 3):
            pyro.sample("z", family(torch.tensor(0.5), logits=logits))

    trace = poutine.trace(poutine.replay(model, poutine.trace(guide).get_trace())).get_trace()
    assert trace.log_prob_sum().isfinite()
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO())
    for _ in range(30):
        svi.step()
    assert (pyro.param("logits") > 0).all()
