"""What every automatic guide must do with every model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
from pyro import poutine
from pyro.errors import SiteError
from pyro.infer import SVI
from pyro.infer.autoguide import AutoDiscreteParallel, AutoHierarchicalNormalMessenger
from pyro.infer.errors import SubsampleError
from pyro.optim import ClippedAdam
from tests.laws.guide_cases import (
    BY_HAND,
    BY_SITE,
    GUIDES,
    LISTS,
    MESSENGERS,
    MODELS,
    PAIRS,
    POINTS,
    WITHOUT_MEDIANS,
    ModelCase,
)

EACH = pytest.mark.parametrize(
    ("name", "case"), [pytest.param(g, c, id=f"{g}-{c.name}") for g, c in PAIRS]
)
CASES = {case.name: case for case in MODELS}


def fit(guide: Any, case: ModelCase, steps: int, lr: float = 0.05) -> list[float]:
    optim = ClippedAdam({"lr": lr, "lrd": 0.1 ** (1 / steps)})
    svi = SVI(case.model, guide, optim, case.elbo(num_particles=1))
    return [svi.step(*case.args) for _ in range(steps)]


@EACH
def test_sites_shapes_and_supports(name: str, case: ModelCase) -> None:
    guide = GUIDES[name](case.model)
    drawn = guide(*case.args)
    if name not in BY_HAND:  # these return what their author likes
        hidden = drawn.keys() - case.supports.keys() if name in MESSENGERS else set()
        assert drawn.keys() - hidden == case.supports.keys()
        assert guide.call(*case.args)[0].shape == drawn[min(drawn)].shape
    trace = poutine.trace(guide).get_trace(*case.args)
    model = poutine.trace(poutine.replay(case.model, trace=trace)).get_trace(*case.args)
    for site, support in case.supports.items():
        value = trace.nodes[site]["value"]
        assert value.shape == model.nodes[site]["fn"].shape()
        assert bool(support.check(value).all())
    assert bool(model.log_prob_sum().isfinite())
    assert bool(trace.log_prob_sum().isfinite())


@EACH
def test_medians_and_quantiles(name: str, case: ModelCase) -> None:
    guide = GUIDES[name](case.model)
    if name in WITHOUT_MEDIANS:
        pytest.skip("its medians are unknown")
    median = guide.median(*case.args)
    again = guide.median(*case.args)
    assert median.keys() == case.supports.keys()
    for site, support in case.supports.items():
        assert bool(support.check(median[site]).all())
        assert case.subsampled or torch.equal(median[site], again[site])
    if hasattr(guide, "quantiles"):
        levels = guide.quantiles([0.1, 0.5, 0.9], *case.args)
        for site, level in levels.items():
            support = case.supports[site]
            assert bool(support.check(level).all())
            torch.testing.assert_close(level[1], median[site])
            if support.event_dim == 0 and case.name != "triangle":
                assert bool((level.diff(dim=0) >= 0).all())


@EACH
def test_vectorised_particles(name: str, case: ModelCase) -> None:
    """The bound of many particles at once is the mean of that of many in a row.

    Six standard errors, with the seed of all tests.
    """
    if case.name in {"regression", "simplex"}:
        pytest.skip("the model does not take batches of latent values")
    guide = GUIDES[name](case.model).setup(*case.args)
    together = case.elbo(num_particles=400, vectorize_particles=True, max_plate_nesting=1)
    alone = case.elbo(max_plate_nesting=1)
    with torch.no_grad():
        apart = torch.tensor([alone.loss(case.model, guide, *case.args) for _ in range(40)])
        independent = 1 if case.subsampled else 400  # the particles share a subsample
        error = apart.std().item() * (1 / 40 + 1 / independent) ** 0.5
        difference = together.loss(case.model, guide, *case.args) - apart.mean().item()
    assert abs(difference) < 6 * error + 1e-4


@pytest.mark.slow
@EACH
def test_fit_comes_near_the_posterior(name: str, case: ModelCase) -> None:
    """With this seed; the tolerances are several standard errors, and modes are not means."""
    pyro.set_rng_seed(0)
    guide = GUIDES[name](case.model)
    losses = fit(guide, case, case.steps)
    assert sum(losses[-50:]) < sum(losses[:50])
    median = drawn_medians(guide, case) if name in WITHOUT_MEDIANS else guide.median(*case.args)
    for site, (value, tolerance) in case.means.items():
        allowed = 3 * tolerance if name in POINTS else tolerance
        got = median[site].flatten()
        assert bool(((got - torch.tensor(value)).abs() <= allowed).all()), (site, got)
    if name not in POINTS | LISTS and hasattr(guide, "quantiles"):
        levels = guide.quantiles([0.001, 0.999], *case.args)
        for site, (value, tolerance) in case.means.items():
            if case.supports[site].event_dim:
                continue  # these are points at quantiles of the coordinates
            known = torch.tensor(value).reshape(levels[site][0].shape)
            low, high = levels[site][0] - tolerance, levels[site][1] + tolerance
            assert bool(((low < known) & (known < high)).all()), site


def drawn_medians(guide: Any, case: ModelCase) -> dict[str, Tensor]:
    """The medians of 400 draws of the sites whose means are known."""
    traces = [poutine.trace(guide).get_trace(*case.args) for _ in range(400)]
    return {
        site: torch.stack([trace.nodes[site]["value"].detach() for trace in traces]).median(0)[0]
        for site in case.means
    }


# what is excluded is refused, or said


@pytest.mark.parametrize("name", sorted(GUIDES.keys() - BY_SITE - {"AutoDiscreteParallel"}))
def test_one_vector_takes_no_subsample(name: str) -> None:
    case = CASES["subsampled"]
    with pytest.raises(SubsampleError, match=r"'z' is in plate 'data'.*AutoNormal"):
        GUIDES[name](case.model)(*case.args)


@pytest.mark.parametrize("name", sorted(GUIDES.keys() - LISTS))
def test_laws_of_continuous_sites_take_no_discrete_site(name: str) -> None:
    case = CASES["discrete"]
    with pytest.raises(SiteError, match=r"discrete sample site 'z' \(Bernoulli\).*AutoGuideList"):
        GUIDES[name](case.model)(*case.args)


@pytest.mark.parametrize("case", sorted(CASES.keys() - {"discrete"}))
def test_laws_of_discrete_sites_take_no_continuous_site(case: str) -> None:
    site = next(iter(CASES[case].supports))
    with pytest.raises(SiteError, match=rf"site '{site}' has the law .*, but only Bernoulli"):
        AutoDiscreteParallel(CASES[case].model)(*CASES[case].args)


@pytest.mark.parametrize(
    ("case", "site"), [("eight schools", "tau"), ("correlation", "factor"), ("ordered", "cuts")]
)
def test_a_prior_without_a_mean_is_no_centre(case: str, site: str) -> None:
    guide = AutoHierarchicalNormalMessenger(CASES[case].model)
    with pytest.raises(SiteError, match=rf"site '{site}'.*has no .* mean.*hierarchical_sites="):
        guide(*CASES[case].args)


@pytest.mark.parametrize("name", ["AutoGuideList", "AutoCallable", "EasyGuide"])
def test_a_support_that_is_not_followed_is_said(name: str) -> None:
    with pytest.warns(UserWarning, match=r"supports of the sites \['beta'\] depend on the values"):
        GUIDES[name](CASES["triangle"].model).setup(torch.tensor(0.6))
        GUIDES[name](CASES["triangle"].model)(torch.tensor(0.6))
