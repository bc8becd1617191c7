"""State space models that are Gaussian given auxiliary sites."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer.reparam import (
    LinearHMMReparam,
    ReparamError,
    StableReparam,
    StudentTReparam,
    SymmetricStableReparam,
)

TURN = torch.tensor([[0.9, 0.2], [-0.3, 0.8]])
SEE = torch.tensor([[1.0, 0.0, 0.5], [0.3, 1.0, -1.0]])
DATA = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))


def stable(size: int, skew: float = 0.0) -> Any:
    return dist.Stable(2.0, skew, torch.full((size,), 0.5), 0.1).to_event(1)


def normal(size: int) -> Any:
    return dist.Normal(torch.full((size,), 0.1), 0.5 * math.sqrt(2)).to_event(1)


def sampled(fn: Any, rewrite: Any, obs: Any = None) -> Any:
    model = poutine.reparam(lambda: pyro.sample("x", fn, obs=obs), config={"x": rewrite})
    trace = poutine.trace(model).get_trace()
    trace.compute_log_prob()
    return trace


@pytest.mark.parametrize("duration", [None, 6])
@pytest.mark.parametrize("rewrite", [SymmetricStableReparam(), StableReparam()])
def test_stability_two_is_gaussian(rewrite: Any, duration: int | None) -> None:
    parts = stable(2), TURN, stable(2), SEE, stable(3)
    fn = dist.LinearHMM(*parts, duration=duration).expand([4])
    exact = dist.GaussianHMM(normal(2), TURN, normal(2), SEE, normal(3), duration=6).expand([4])
    trace = sampled(fn, LinearHMMReparam(rewrite, rewrite, rewrite), DATA)
    found = trace.nodes["x"]["log_prob"]
    # skew 0 leaves the symmetric part all of the noise
    torch.testing.assert_close(found, exact.log_prob(DATA), rtol=1e-3, atol=1e-2)
    assert trace.nodes[
        "x_trans_uniform" if "x_trans_uniform" in trace.nodes else "x_trans_z_uniform"
    ]["value"].shape == (4, 6, 2)


def test_one_step_is_the_law_of_the_noise() -> None:
    # the mean of 60 000 conditional densities, within 4.5 standard errors
    tiny = dist.Normal(torch.zeros(1), 1e-3).to_event(1)
    step = dist.StudentT(3.0, torch.zeros(1), 1.0).to_event(1)
    fn = dist.LinearHMM(tiny, torch.eye(1), step, torch.eye(1), tiny, duration=1)
    x, n = torch.tensor([[0.7]]), 60_000
    trace = sampled(fn.expand([n]), LinearHMMReparam(trans=StudentTReparam()), x.expand(n, 1, 1))
    given = trace.nodes["x"]["log_prob"].exp()
    expected = dist.StudentT(3.0).log_prob(x).exp().item()
    assert abs(given.mean() - expected) < 4.5 * given.std() / math.sqrt(n)


def test_transforms_stay_around() -> None:
    noise = dist.LogNormal(torch.zeros(1), 0.3).to_event(1)
    step = dist.StudentT(3.0, torch.zeros(1), 1.0).to_event(1)
    fn = dist.LinearHMM(step, torch.eye(1), step, torch.eye(1), noise, duration=5)
    rewrite = LinearHMMReparam(StudentTReparam(), StudentTReparam())
    trace = sampled(fn, rewrite)
    assert (trace.nodes["x"]["value"] > 0).all()
    independent = dist.IndependentHMM(fn.expand([3, 2])).to_event(1)
    trace = sampled(independent, rewrite)
    assert trace.nodes["x"]["value"].shape == (3, 5, 2)
    assert trace.nodes["x"]["log_prob"].shape == ()
    assert trace.nodes["x_trans_gamma"]["value"].shape == (3, 2, 5, 1)
    assert trace.nodes["x_trans_gamma"]["log_prob"].shape == ()


def test_missing_observations_stay_missing() -> None:
    step = dist.StudentT(3.0, torch.zeros(1), 1.0).to_event(1)
    seen = torch.tensor([True, True, False, True])
    noise = dist.StudentT(3.0, torch.zeros(1), 1.0).to_event(1).expand([4]).mask(seen)
    fn = dist.LinearHMM(step, torch.eye(1), step, torch.eye(1), noise)
    rewrite = LinearHMMReparam(StudentTReparam(), StudentTReparam(), StudentTReparam())
    data = torch.tensor([[0.1], [0.2], [0.3], [0.4]])
    scores = []
    for third in (0.3, 30.0):
        pyro.set_rng_seed(0)
        data[2] = third
        scores.append(sampled(fn, rewrite, data.clone()).nodes["x"]["log_prob"])
    assert scores[0] == scores[1]


def test_plates_outside_of_the_handler() -> None:
    step = dist.StudentT(3.0, torch.zeros(1), 1.0).to_event(1)
    noise = dist.Normal(torch.zeros(1), 1.0).to_event(1)
    fn = dist.LinearHMM(noise, torch.eye(1), step, torch.eye(1), noise, duration=5)
    inner = poutine.reparam(
        lambda: pyro.sample("x", fn), config={"x": LinearHMMReparam(trans=StudentTReparam())}
    )
    with pyro.plate("series", 3):
        assert inner().shape == (3, 5, 1)


def test_noise_that_stays_heavy_is_refused() -> None:
    fn = dist.LinearHMM(stable(2), TURN, normal(2), SEE, normal(3), duration=6)
    with pytest.raises(ReparamError, match=r"at site 'x', .* 'init' is Stable: give init="):
        sampled(fn, LinearHMMReparam(trans=StudentTReparam()))
    with pytest.raises(ReparamError, match="needs a LinearHMM"):
        sampled(dist.Normal(0.0, 1.0), LinearHMMReparam())
