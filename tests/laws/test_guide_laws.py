"""What every automatic guide must do with every model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import pyro
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoGuide, AutoRegressiveMessenger
from pyro.infer.errors import SubsampleError
from pyro.optim import ClippedAdam
from tests.laws.guide_cases import BY_SITE, GUIDES, MODELS, POINTS, ModelCase

WITHOUT = {
    ("AutoIAFNormal", "correlation"),  # one coordinate: nothing to depend on
    ("AutoNormalizingFlow", "correlation"),
    ("AutoRegressiveMessenger", "correlation"),  # under the prior the bound has no mean
    ("AutoHierarchicalNormalMessenger", "eight schools"),  # a prior without a mean
    ("AutoHierarchicalNormalMessenger", "correlation"),
    ("AutoHierarchicalNormalMessenger", "ordered"),
}
PAIRS = [
    pytest.param(make, case, id=f"{name}-{case.name}")
    for name, make in GUIDES.items()
    for case in MODELS
    if name in BY_SITE or not case.subsampled
    if (name, case.name) not in WITHOUT
]
Make = Callable[..., Any]


def fit(guide: Any, case: ModelCase, steps: int, lr: float = 0.05) -> list[float]:
    optim = ClippedAdam({"lr": lr, "lrd": 0.1 ** (1 / steps)})
    svi = SVI(case.model, guide, optim, Trace_ELBO(num_particles=1))
    return [svi.step(*case.args) for _ in range(steps)]


@pytest.mark.parametrize(("make", "case"), PAIRS)
def test_sites_shapes_and_supports(make: Make, case: ModelCase) -> None:
    guide = make(case.model)
    drawn = guide(*case.args)
    hidden = set() if isinstance(guide, AutoGuide) else drawn.keys() - case.supports.keys()
    assert drawn.keys() - hidden == case.supports.keys()
    assert guide.call(*case.args)[0].shape == drawn[min(drawn)].shape
    trace = poutine.trace(guide).get_trace(*case.args)
    model = poutine.trace(poutine.replay(case.model, trace=trace)).get_trace(*case.args)
    for name, support in case.supports.items():
        assert trace.nodes[name]["value"].shape == model.nodes[name]["fn"].shape()
        assert bool(support.check(drawn[name]).all())
    assert bool(model.log_prob_sum().isfinite())
    assert bool(trace.log_prob_sum().isfinite())


@pytest.mark.parametrize(("make", "case"), PAIRS)
def test_medians_and_quantiles(make: Make, case: ModelCase) -> None:
    guide = make(case.model)
    if isinstance(guide, AutoRegressiveMessenger):
        pytest.skip("its medians are unknown")
    median = guide.median(*case.args)
    again = guide.median(*case.args)
    assert median.keys() == case.supports.keys()
    for name, support in case.supports.items():
        assert bool(support.check(median[name]).all())
        assert case.subsampled or torch.equal(median[name], again[name])
    if hasattr(guide, "quantiles"):
        levels = guide.quantiles([0.1, 0.5, 0.9], *case.args)
        for name, support in case.supports.items():
            assert bool(support.check(levels[name]).all())
            torch.testing.assert_close(levels[name][1], median[name])
            if support.event_dim == 0 and case.name != "triangle":
                assert bool((levels[name].diff(dim=0) >= 0).all())


@pytest.mark.parametrize(("make", "case"), PAIRS)
def test_vectorised_particles(make: Make, case: ModelCase) -> None:
    """The bound of many particles at once is the mean of that of many in a row.

    Six standard errors, with the seed of all tests.
    """
    if case.name in {"regression", "simplex"}:
        pytest.skip("the model does not take batches of latent values")
    guide = make(case.model).setup(*case.args)
    together = Trace_ELBO(num_particles=400, vectorize_particles=True, max_plate_nesting=1)
    alone = Trace_ELBO()
    with torch.no_grad():
        apart = torch.tensor([alone.loss(case.model, guide, *case.args) for _ in range(40)])
        independent = 1 if case.subsampled else 400  # the particles share a subsample
        error = apart.std().item() * (1 / 40 + 1 / independent) ** 0.5
        difference = together.loss(case.model, guide, *case.args) - apart.mean().item()
    assert abs(difference) < 6 * error + 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(("make", "case"), PAIRS)
def test_fit_comes_near_the_posterior(make: Make, case: ModelCase) -> None:
    """With this seed; the tolerances are several standard errors, and modes are not means."""
    pyro.set_rng_seed(0)
    guide = make(case.model)
    losses = fit(guide, case, case.steps)
    assert sum(losses[-50:]) < sum(losses[:50])
    if isinstance(guide, AutoRegressiveMessenger):
        return
    median = guide.median(*case.args)
    for name, (value, tolerance) in case.means.items():
        allowed = 3 * tolerance if type(guide).__name__ in POINTS else tolerance
        got = median[name].flatten()
        assert bool(((got - torch.tensor(value)).abs() < allowed).all()), (name, got)


@pytest.mark.parametrize("name", sorted(GUIDES.keys() - BY_SITE))
def test_one_vector_takes_no_subsample(name: str) -> None:
    case = next(case for case in MODELS if case.subsampled)
    with pytest.raises(SubsampleError, match=r"'z' is in plate 'data'.*AutoNormal"):
        GUIDES[name](case.model)(*case.args)
