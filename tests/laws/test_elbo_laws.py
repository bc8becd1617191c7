"""Objectives agree with the exact evidence lower bound, in value and in gradient.

An estimate is the mean of ``BATCHES`` independent ones, and may differ from the exact value by 5
of its standard errors (a t-distribution with 19 degrees of freedom: a correct estimator fails one
comparison in 12 000 seeds; the seeds are fixed).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import (
    ELBO,
    JitTrace_ELBO,
    JitTraceMeanField_ELBO,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceMeanField_ELBO,
)
from tests.laws.elbo_cases import CASES, Case, local_bernoullis, nested_bernoullis

BATCHES = 20

OBJECTIVES: dict[str, Callable[[], ELBO]] = {
    "loop": lambda: Trace_ELBO(num_particles=8),
    "vectorized": lambda: Trace_ELBO(num_particles=800, vectorize_particles=True),
    "mean field": lambda: TraceMeanField_ELBO(num_particles=800, vectorize_particles=True),
    "mean field loop": lambda: TraceMeanField_ELBO(num_particles=8),
    "enumerating": lambda: TraceEnum_ELBO(num_particles=8, strict_enumeration_warning=False),
    "enumerating at once": lambda: TraceEnum_ELBO(
        num_particles=800, vectorize_particles=True, strict_enumeration_warning=False
    ),
    "jit": lambda: JitTrace_ELBO(num_particles=8),
    "mean field jit": lambda: JitTraceMeanField_ELBO(num_particles=8),
}


def estimates(case: Case, elbo: ELBO, batches: int = BATCHES) -> dict[str, Tensor]:
    """Independent estimates of the bound and its gradients, stacked leftmost."""
    params = case.leaves()
    guide = functools.partial(case.guide, params)
    rows: dict[str, list[Tensor]] = {name: [] for name in ("elbo", *params)}
    for _ in range(batches):
        value = -elbo.differentiable_loss(case.model, guide)
        grads = torch.autograd.grad(value, list(params.values()))
        rows["elbo"].append(value.detach())
        for name, grad in zip(params, grads, strict=True):
            rows[name].append(grad)
    return {name: torch.stack(values) for name, values in rows.items()}


def exact(case: Case) -> dict[str, Tensor]:
    """The bound and its gradients."""
    params = case.leaves()
    value = case.exact(params)
    grads = torch.autograd.grad(value, list(params.values()))
    return {"elbo": value.detach(), **dict(zip(params, grads, strict=True))}


def assert_agree(estimate: dict[str, Tensor], truth: dict[str, Tensor], sigmas: float = 5) -> None:
    for name, rows in estimate.items():
        error = rows.std(0) / len(rows) ** 0.5
        gap = (rows.mean(0) - truth[name]).abs()
        assert (gap <= sigmas * error + 1e-4).all(), (name, rows.mean(0), truth[name], error)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_value_and_gradient_are_exact_on_average(case: Case, objective: str) -> None:
    elbo = OBJECTIVES[objective]()
    if elbo.vectorize_particles and "subsampled" in case.name:
        # all particles share a subsample: the batches, not the particles, average over them
        elbo.num_particles = 50
    batches = 80 if "subsampled" in case.name else BATCHES
    assert_agree(estimates(case, elbo, batches), exact(case))


def test_the_bounds_are_exact() -> None:
    """A wrong table would be found: moving the exact value by little fails the comparison."""
    case = CASES[0]
    truth = exact(case)
    truth["loc"] = truth["loc"] + 0.3
    with pytest.raises(AssertionError):
        assert_agree(estimates(case, OBJECTIVES["vectorized"]()), truth)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_nesting_is_guessed(case: Case) -> None:
    elbo = Trace_ELBO(num_particles=2, vectorize_particles=True)
    elbo.loss(case.model, functools.partial(case.guide, case.leaves()))
    assert elbo.max_plate_nesting == case.plates + 1


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_methods_of_an_objective_agree(case: Case, objective: str) -> None:
    """loss, loss_and_grads and differentiable_loss see the same draws and say the same."""
    params = case.leaves()
    guide = functools.partial(case.guide, params)
    results: list[Any] = []
    for method in ("loss", "loss_and_grads", "differentiable_loss"):
        elbo = OBJECTIVES[objective]()
        elbo.num_particles = 3
        pyro.set_rng_seed(7)
        results.append(getattr(elbo, method)(case.model, guide))
    loss, with_grads, tensor = results
    accumulated = [p.grad for p in params.values()]
    direct = torch.autograd.grad(tensor, list(params.values()))
    torch.testing.assert_close(torch.tensor(with_grads), torch.tensor(loss))
    torch.testing.assert_close(tensor.detach(), torch.tensor(loss))
    torch.testing.assert_close(accumulated, list(direct), rtol=1e-4, atol=1e-5)


def test_rao_blackwellisation_reduces_variance() -> None:
    """Costs of other slices of a plate only add noise; without the plate they are all there."""
    case = local_bernoullis()

    data = torch.tensor([0.3, -1.2, 0.8, 2.0])

    def model() -> None:
        z = pyro.sample("z", dist.Bernoulli(0.3).expand((4,)).to_event(1))
        pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=data)

    def guide(p: dict[str, Tensor]) -> None:
        pyro.sample("z", dist.Bernoulli(logits=p["logits"]).to_event(1))

    joint = case._replace(model=model, guide=guide, plates=0)
    with_plate, without = (
        estimates(c, Trace_ELBO(num_particles=100, vectorize_particles=True), 100)
        for c in (case, joint)
    )
    assert_agree(with_plate, exact(case))
    assert_agree(without, exact(case))
    assert (with_plate["logits"].var(0) < 0.7 * without["logits"].var(0)).all()


def with_baseline(case: Case, options: dict[str, Any]) -> Case:
    """The case with a baseline at each of its sites."""

    def guide(p: dict[str, Tensor]) -> None:
        with pyro.poutine.infer_config(config_fn=lambda site: {"baseline": options}):
            case.guide(p)

    return case._replace(guide=guide)


@pytest.mark.parametrize("vectorized", [False, True])
def test_decaying_baseline_keeps_the_mean_and_reduces_variance(vectorized: bool) -> None:
    case = nested_bernoullis()
    n = 50 if vectorized else 1
    batches = 150 if vectorized else 500

    def elbo() -> ELBO:
        return Trace_ELBO(num_particles=n, vectorize_particles=vectorized)

    plain = estimates(case, elbo(), batches)
    options = {"use_decaying_avg_baseline": True, "baseline_beta": 0.9}
    reduced = estimates(with_baseline(case, options), elbo(), batches)
    assert_agree(reduced, exact(case))
    for name in ("z", "w"):
        assert reduced[name].var(0).mean() < 0.7 * plain[name].var(0).mean()


def test_learned_baseline_is_trained_in_the_same_step_and_keeps_the_mean() -> None:
    case = local_bernoullis()
    torch.manual_seed(0)
    network = torch.nn.Linear(1, 1)
    options = {
        "nn_baseline": lambda x: network(x).squeeze(-1),
        "nn_baseline_input": torch.ones(4, 1),
    }
    case = with_baseline(case, options)
    params = case.leaves()
    guide = functools.partial(case.guide, params)
    elbo = Trace_ELBO()
    before = estimates(case, elbo, 300)
    assert_agree(before, exact(case))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        elbo.loss_and_grads(case.model, guide)
        assert network.weight.grad is not None
        optimizer.step()
    after = estimates(case, elbo, 300)
    assert_agree(after, exact(case))
    assert after["logits"].var(0).mean() < 0.7 * before["logits"].var(0).mean()


def test_a_second_deeper_model_is_looked_at_again() -> None:
    elbo = Trace_ELBO(num_particles=4, vectorize_particles=True)
    shallow, deep = CASES[0], nested_bernoullis()
    for case in (shallow, deep, shallow):
        elbo.loss(case.model, functools.partial(case.guide, case.leaves()))
    assert elbo.max_plate_nesting == deep.plates + 1
