"""Log-likelihoods per observation, predictions of other rows, means, and point estimates."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.errors import ShapeError
from pyro.infer import Predictive, log_likelihood, posterior_mean, posterior_median
from pyro.infer.errors import InferenceError
from pyro.ops.stats import loo, waic


def schools(sigma: Tensor, y: Tensor | None = None) -> Tensor:
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    with pyro.plate("schools", len(sigma)):
        theta = pyro.sample("theta", dist.Normal(mu, 1.0))
        pyro.deterministic("twice", 2 * theta, event_dim=0)
        result: Tensor = pyro.sample("y", dist.Normal(theta, sigma), obs=y)
    return result


SIGMA, Y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.5, -1.0, 2.0])
SAMPLES = {"mu": torch.arange(4.0), "theta": torch.arange(12.0).reshape(4, 3)}


def guide(sigma: Tensor, y: Tensor | None = None) -> None:
    pyro.sample("mu", dist.Delta(torch.tensor(1.0)))
    with pyro.plate("rows", 3):
        pyro.sample("theta", dist.Delta(torch.tensor([1.0, 2.0, 3.0])))


@pytest.mark.parametrize("parallel", [False, True])
def test_log_likelihood_of_each_observation(parallel: bool) -> None:
    expected = dist.Normal(SAMPLES["theta"], SIGMA).log_prob(Y)
    found = log_likelihood(schools, SAMPLES, SIGMA, y=Y, parallel=parallel)
    assert list(found) == ["y"]
    torch.testing.assert_close(found["y"], expected)
    method = Predictive(schools, SAMPLES, parallel=parallel).log_likelihood(SIGMA, Y)
    torch.testing.assert_close(method["y"], expected)
    by_guide = Predictive(schools, guide=guide, num_samples=2, parallel=parallel)
    one = dist.Normal(torch.tensor([1.0, 2.0, 3.0]), SIGMA).log_prob(Y)
    torch.testing.assert_close(by_guide.log_likelihood(SIGMA, Y)["y"], one.expand(2, 3))
    assert waic(found["y"])[0].isfinite() and loo(found["y"]).k_hat.shape == (3,)


@pytest.mark.parametrize("parallel", [False, True])
def test_plates_events_masks_and_scales(parallel: bool) -> None:
    mask = torch.tensor([True, False])

    def model() -> None:
        a = pyro.sample("a", dist.Normal(0.0, 1.0))
        pyro.sample("alone", dist.Normal(a, 1.0), obs=torch.tensor(0.0))
        pyro.factor("f", a)
        with pyro.plate("p", 3, dim=-2), pyro.plate("q", 20, subsample_size=2, dim=-1):
            loc = a[..., None].expand(a.shape + (4,))
            law = dist.Normal(loc, 1.0).to_event(1).mask(mask)
            pyro.sample("inner", law, obs=torch.zeros(3, 2, 4))
            with poutine.mask(mask=mask), poutine.scale(scale=0.1):
                pyro.sample("outer", dist.Normal(a, 1.0), obs=torch.zeros(3, 2))

    a = torch.randn(5)
    found = log_likelihood(model, {"a": a}, parallel=parallel)
    one = dist.Normal(a, 1.0).log_prob(torch.tensor(0.0))
    masked = one[:, None, None] * mask.expand(3, 2)
    expected = {"alone": one, "inner": 4 * masked, "outer": masked}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_missing_values_have_no_likelihood() -> None:
    seen = torch.tensor([True, False, True])

    def model() -> None:
        mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        with pyro.plate("p", 3):
            pyro.sample("y", dist.Normal(mu, 1.0), obs=torch.zeros(3), obs_mask=seen)

    samples = {"mu": torch.ones(2), "y_unobserved": torch.zeros(2, 3)}
    found = log_likelihood(model, samples)
    torch.testing.assert_close(
        found["y_observed"], (-0.5 - 0.5 * math.log(2 * math.pi)) * seen.expand(2, 3)
    )


def test_what_log_likelihood_says() -> None:
    with pytest.warns(UserWarning, match=r"no samples are given for the sites \['theta'\]"):
        log_likelihood(schools, {"mu": torch.zeros(2)}, SIGMA, Y)
    with pytest.warns(UserWarning, match=r"posterior_samples names .*\['nu'\]"):
        log_likelihood(schools, {**SAMPLES, "nu": torch.zeros(4)}, SIGMA, Y)
    for samples in ({}, {"mu": torch.zeros(2), "theta": torch.zeros(3, 3)}):
        with pytest.raises(InferenceError, match=r"leftmost dim .* but the sizes are"):
            log_likelihood(schools, samples, SIGMA, Y)


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("source", ["samples", "guide"])
def test_other_rows(source: str, parallel: bool) -> None:
    new = torch.ones(5)
    options: dict[str, Any] = {"posterior_samples": SAMPLES}
    if source == "guide":
        options = {"guide": guide, "num_samples": 4}
    text = (
        r"samples of site 'theta' have shape \(4, 3\), with size 3 in plate 'schools', but that "
        r"plate has size 5 .* shape \(5,\).*redraw=\['theta'\]"
    )
    with pytest.raises(ShapeError, match=text):
        Predictive(schools, parallel=parallel, **options)(new)
    drawn = Predictive(schools, parallel=parallel, redraw=["theta"], **options)(new)
    assert drawn["y"].shape == drawn["theta"].shape == (4, 5)
    mu = torch.ones(4) if source == "guide" else SAMPLES["mu"]
    assert ((drawn["theta"] - mu[:, None]).abs() < 6).all()


@pytest.mark.parametrize("parallel", [False, True])
def test_means(parallel: bool) -> None:
    means = Predictive(schools, SAMPLES, parallel=parallel).mean(SIGMA)
    torch.testing.assert_close(means["y"], SAMPLES["theta"].mean(0))
    torch.testing.assert_close(means["twice"], 2 * SAMPLES["theta"].mean(0))
    assert means.keys() == {"y", "twice"}
    only_mu = Predictive(schools, {"mu": SAMPLES["mu"]}, parallel=parallel).mean(SIGMA)
    torch.testing.assert_close(only_mu["theta"], torch.full((3,), 1.5))

    def no_mean() -> None:
        pyro.sample("n", dist.Categorical(logits=torch.tensor([-50.0, 0.0])))

    with_draws = Predictive(no_mean, num_samples=3, parallel=parallel).mean()
    assert with_draws["n"].isnan() or with_draws["n"] == 1.0


def test_point_estimates() -> None:
    log_weights = torch.tensor([0.0, 0.0, -math.inf, -math.inf])
    mean, weighed = posterior_mean(SAMPLES), posterior_mean(SAMPLES, log_weights)
    assert mean["mu"].tolist() == [1.5] and weighed["mu"].tolist() == [0.5]
    assert weighed["theta"].tolist() == [[1.5, 2.5, 3.5]]
    median = posterior_median({"n": torch.tensor([1, 2, 9])})
    assert median["n"].tolist() == [2.0]
    assert posterior_median(SAMPLES, log_weights)["theta"].tolist() == [[1.5, 2.5, 3.5]]
    at_mean = Predictive(schools, mean).mean(SIGMA)
    torch.testing.assert_close(at_mean["y"], SAMPLES["theta"].mean(0))


def test_bare_names_are_refused() -> None:
    with pytest.raises(InferenceError, match=r"redraw must be a collection of names: \('theta',\)"):
        Predictive(schools, SAMPLES, redraw="theta")
