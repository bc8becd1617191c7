"""Priors updated by a conjugate factor, in objectives and samplers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer import (
    Importance,
    RenyiELBO,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
)
from pyro.infer.importance import vectorized_importance_weights
from pyro.infer.reparam import ConjugateReparam, ReparamError

TOTAL, COUNT = torch.tensor(10.0), torch.tensor([3.0, 7.0])
LIKELIHOOD = dist.Beta(1 + COUNT, 1 + TOTAL - COUNT)
LOG_EVIDENCE = dist.BetaBinomial(2.0, 3.0, TOTAL).log_prob(COUNT).sum()


def model(a: Any = 2.0) -> None:
    with pyro.plate("coins", 2):
        p = pyro.sample("p", dist.Beta(a, 3.0))
        pyro.sample("heads", dist.Binomial(TOTAL, p), obs=COUNT)


def empty(*args: Any) -> None:
    """Nothing remains to be guided."""


def updated(factor: Any) -> Any:
    return poutine.reparam(model, config={"p": ConjugateReparam(factor)})


@pytest.mark.parametrize(
    "loss",
    [
        Trace_ELBO(),
        Trace_ELBO(num_particles=3, vectorize_particles=True),
        TraceMeanField_ELBO(),
        TraceGraph_ELBO(),
        TraceEnum_ELBO(max_plate_nesting=1, strict_enumeration_warning=False),
        RenyiELBO(alpha=0.5, num_particles=3),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_the_likelihood_makes_every_bound_exact(loss: Any) -> None:
    assert abs(loss.loss(updated(LIKELIHOOD), empty) + LOG_EVIDENCE) < 1e-3


def test_importance_weights_are_equal() -> None:

    for guide in (empty, None):
        alone = torch.stack(Importance(updated(LIKELIHOOD), guide, 3).run().log_weights)
        torch.testing.assert_close(alone, LOG_EVIDENCE.expand(3), rtol=1e-4, atol=1e-3)
    together = vectorized_importance_weights(updated(LIKELIHOOD), empty, num_samples=5)[0]
    torch.testing.assert_close(together, LOG_EVIDENCE.expand(5), rtol=1e-4, atol=1e-3)


def test_a_guess_is_as_a_guide_of_its_law() -> None:
    # equal means of 4000 draws of two pathwise estimates, within 4 standard errors
    def guide(a: Any, b: Any) -> Any:
        def plain(*args: Any) -> None:
            with pyro.plate("coins", 2):
                pyro.sample("p", dist.Beta(2.0 + b - 1, 3.0 + 3.0))

        return plain

    b = torch.tensor([3.0, 5.0], requires_grad=True)
    loss = Trace_ELBO(num_particles=4000, vectorize_particles=True)
    found = []
    for program, other in ((updated(dist.Beta(b, 4.0)), empty), (model, guide(2.0, b))):
        value = loss.differentiable_loss(program, other)
        found.append((value.item(), torch.autograd.grad(value, b)[0]))
    assert abs(found[0][0] - found[1][0]) < 0.15
    torch.testing.assert_close(found[0][1], found[1][1], rtol=0.1, atol=0.05)


def test_gradients_of_the_prior() -> None:
    a = torch.tensor(2.0, requires_grad=True)
    loss = Trace_ELBO().differentiable_loss(updated(LIKELIHOOD), empty, a)
    expected = -dist.BetaBinomial(a, 3.0, TOTAL).log_prob(COUNT).sum()
    torch.testing.assert_close(
        torch.autograd.grad(loss, a)[0], torch.autograd.grad(expected, a)[0], rtol=1e-3, atol=1e-4
    )


def test_the_factor_may_depend_on_the_arguments() -> None:
    def factor(a: Any) -> Any:
        return LIKELIHOOD if a == 2.0 else None

    assert abs(Trace_ELBO().loss(updated(factor), empty, 2.0) + LOG_EVIDENCE) < 1e-3
    with poutine.reparam(config={"p": ConjugateReparam(factor)}):
        with pytest.raises(ReparamError, match="needs the arguments of the model"):
            model()


def test_a_guide_may_still_have_the_site() -> None:
    def guide(*args: Any) -> None:
        with pyro.plate("coins", 2):
            pyro.sample("p_updated", dist.Beta(2.0 + COUNT, 3.0 + TOTAL - COUNT))

    assert abs(Trace_ELBO().loss(updated(LIKELIHOOD), guide) + LOG_EVIDENCE) < 1e-3


def test_vectors() -> None:
    prior = dist.Normal(torch.zeros(3), 1.0).to_event(1)
    factor = dist.Normal(torch.arange(3.0), 2.0).to_event(1)

    def normal() -> Any:
        return pyro.sample("x", prior)

    for given in (factor, factor.to_event(-1)):
        rewrite = ConjugateReparam(given)
        trace = poutine.trace(poutine.reparam(normal, config={"x": rewrite})).get_trace()
        expected = prior.log_prob(trace.nodes["x"]["value"])
        torch.testing.assert_close(trace.log_prob_sum(), expected, rtol=1e-4, atol=1e-4)


def test_what_is_not_conjugate_is_refused() -> None:
    with pytest.raises(ReparamError, match=r"at site 'p', .* no conjugate update"):
        updated(dist.Normal(0.0, 1.0))()
