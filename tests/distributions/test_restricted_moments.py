"""Moments of truncated, censored and folded laws against scipy and samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats as sp
import torch

import pyro.distributions as dist

D = torch.float64


def t(x: float) -> torch.Tensor:
    return torch.tensor(x, dtype=D)


TRUNCATED: dict[str, tuple[Any, Any]] = {
    "normal-tail": (dist.Truncated(dist.Normal(t(0.0), 1.0), low=30.0), sp.truncnorm(30, np.inf)),
    "normal-left": (dist.Truncated(dist.Normal(t(0.0), 1.0), high=-8.0), sp.truncnorm(-np.inf, -8)),
    "normal-both": (dist.Truncated(dist.Normal(t(0.0), 1.0), -1.0, 2.5), sp.truncnorm(-1, 2.5)),
    "exponential": (
        dist.Truncated(dist.Exponential(t(2.0)), high=1.0),
        sp.truncexpon(2, scale=0.5),
    ),
    "pareto": (dist.Truncated(dist.Pareto(t(1.0), t(4.0)), high=9.0), sp.truncpareto(4, 9)),
    "folded": (
        dist.FoldedDistribution(dist.Normal(t(0.7), 1.3)),
        sp.foldnorm(0.7 / 1.3, scale=1.3),
    ),
    "folded-far": (dist.FoldedDistribution(dist.Normal(t(9.0), 1.0)), sp.foldnorm(9.0)),
}


@pytest.mark.parametrize("name", TRUNCATED)
def test_moments_are_scipys(name: str) -> None:
    d, reference = TRUNCATED[name]
    mean, variance = reference.stats("mv")
    assert d.mean.item() == pytest.approx(float(mean), rel=1e-9)
    if name != "normal-tail":  # where scipy cancels
        assert d.variance.item() == pytest.approx(float(variance), rel=1e-6)


def test_variance_far_out_in_a_tail() -> None:
    """Beyond the threshold a a normal law is nearly exponential, of rate a."""
    d = dist.Truncated(dist.Normal(t(0.0), 1.0), low=1e4)
    assert (d.mean - 1e4).item() == pytest.approx(1e-4, rel=1e-4)
    assert d.variance.item() == pytest.approx(1e-8, rel=1e-4)


@pytest.mark.parametrize(("low", "high"), [(1.0, None), (None, 3.0), (2.0, 5.0)])
def test_moments_of_restricted_counts_are_sums(low: float | None, high: float | None) -> None:
    rate = torch.tensor([0.5, 40.0], dtype=D)
    k = torch.arange(400, dtype=D).unsqueeze(-1)
    mass = dist.Poisson(rate).log_prob(k).exp()
    clipped = k.clamp(low, high)
    kept = mass * (clipped == k)
    for d, x, weights in (
        (dist.Censored(dist.Poisson(rate), low, high), clipped, mass),
        (dist.Truncated(dist.Poisson(rate), low, high), k, kept / kept.sum(0)),
    ):
        mean = (weights * x).sum(0)
        torch.testing.assert_close(d.mean, mean, rtol=1e-9, atol=1e-12)
        spread = (weights * (x - mean) ** 2).sum(0)
        torch.testing.assert_close(d.variance, spread, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 0.5), (0.2, None), (None, -0.3), (3.0, 3.5)])
def test_moments_of_a_censored_normal(low: float | None, high: float | None) -> None:
    d = dist.Censored(dist.Normal(t(0.1), 1.2), low, high)
    u = (torch.arange(400000, dtype=D) + 0.5) / 400000
    x = dist.Normal(t(0.1), 1.2).icdf(u).clamp(low, high)
    assert d.mean.item() == pytest.approx(x.mean().item(), rel=1e-5)
    assert d.variance.item() == pytest.approx(x.var().item(), rel=1e-4)


def test_moments_are_differentiable() -> None:
    inputs = [t(0.3).requires_grad_(), t(1.2).requires_grad_(), t(-0.5).requires_grad_()]

    def moments(loc: Any, scale: Any, low: Any) -> tuple[torch.Tensor, ...]:
        base = dist.Normal(loc, scale)
        laws = (dist.Truncated(base, low, 2.0), dist.Censored(base, low, 2.0))
        return tuple(m for d in laws for m in (d.mean, d.variance))

    assert torch.autograd.gradcheck(moments, inputs)


def test_moments_that_do_not_exist() -> None:
    assert dist.Truncated(dist.HalfCauchy(1.0), low=1.0).mean == math.inf
    assert dist.Truncated(dist.Cauchy(0.0, 1.0), low=0.0).mean.isnan()
    assert dist.Truncated(dist.Cauchy(0.0, 1.0), -1.0, 1.0).mean.abs() < 1e-6
    with pytest.raises(NotImplementedError):
        _ = dist.FoldedDistribution(dist.RelaxedBernoulli(torch.tensor(1.0), 0.5)).mean


@pytest.mark.parametrize("dtype", [torch.float32, D], ids=str)
def test_moments_have_the_dtype_and_batch_of_the_law(dtype: torch.dtype) -> None:
    base = dist.Normal(torch.zeros(3, 1, dtype=dtype), torch.ones(2, dtype=dtype))
    for d in (
        dist.Truncated(base, low=1.0),
        dist.Censored(base, low=1.0),
        dist.FoldedDistribution(base),
        dist.TruncatedPolyaGamma(torch.zeros((), dtype=dtype)).expand([3, 2]),
    ):
        for moment in (d.mean, d.variance):
            assert moment.shape == (3, 2) and moment.dtype is dtype and moment.isfinite().all()
