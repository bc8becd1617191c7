"""Tails, truncation and censoring of the registered families, against scipy and far out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special as ss
import scipy.stats as sp
import torch

import pyro.distributions as dist
from pyro.distributions.tails import log_tails

D = torch.float64


def t(x: float) -> torch.Tensor:
    return torch.tensor(x, dtype=D)


FAMILIES: dict[str, tuple[Any, Any, float, float]] = {
    "normal": (dist.Normal(t(0.3), 1.2), sp.norm(0.3, 1.2), 1.0, 3.0),
    "log-normal": (dist.LogNormal(t(0.3), 0.6), sp.lognorm(0.6, scale=np.exp(0.3)), 1.0, 3.0),
    "exponential": (dist.Exponential(t(0.7)), sp.expon(scale=1 / 0.7), 1.0, 3.0),
    "gamma": (dist.Gamma(t(2.5), 0.5), sp.gamma(2.5, scale=2), 1.0, 3.0),
    "student": (dist.StudentT(t(2.5), 0.1, 0.9), sp.t(2.5, 0.1, 0.9), 1.0, 3.0),
    "cauchy": (dist.Cauchy(t(0.1), 0.9), sp.cauchy(0.1, 0.9), 1.0, 3.0),
    "laplace": (dist.Laplace(t(0.1), 0.9), sp.laplace(0.1, 0.9), 1.0, 3.0),
    "weibull": (dist.Weibull(t(2.0), t(1.5)), sp.weibull_min(1.5, scale=2), 1.0, 3.0),
    "gumbel": (dist.Gumbel(t(0.1), t(0.9)), sp.gumbel_r(0.1, 0.9), 1.0, 3.0),
    "pareto": (dist.Pareto(t(0.5), t(3.0)), sp.pareto(3, scale=0.5), 1.0, 3.0),
    "inverse-gamma": (dist.InverseGamma(t(3.0), t(2.0)), sp.invgamma(3, scale=2), 1.0, 3.0),
    "half-normal": (dist.HalfNormal(t(2.0)), sp.halfnorm(scale=2), 1.0, 3.0),
    "half-cauchy": (dist.HalfCauchy(t(2.0)), sp.halfcauchy(scale=2), 1.0, 3.0),
    "beta": (dist.Beta(t(2.0), t(3.5)), sp.beta(2, 3.5), 0.6, 0.8),
    "uniform": (dist.Uniform(t(0.0), t(4.0)), sp.uniform(0, 4), 1.0, 3.0),
    "poisson": (dist.Poisson(t(2.5)), sp.poisson(2.5), 1.0, 3.0),
    "geometric": (dist.Geometric(t(0.3)), sp.geom(0.3, loc=-1), 1.0, 3.0),
    "negative-binomial": (dist.NegativeBinomial(t(4.0), t(0.4)), sp.nbinom(4, 0.6), 1.0, 3.0),
    "binomial": (dist.Binomial(5, t(0.3)), sp.binom(5, 0.3), 1.0, 3.0),
}
families = pytest.mark.parametrize("name", FAMILIES)
sides = pytest.mark.parametrize("side", ["left", "right", "both"])


def ends(name: str, side: str) -> tuple[float | None, float | None]:
    _, _, low, high = FAMILIES[name]
    return (None if side == "right" else low), (None if side == "left" else high)


@families
def test_log_tails_are_scipys(name: str) -> None:
    base, reference, _, _ = FAMILIES[name]
    x = base.sample((50,))
    lower, upper = log_tails(base, x)
    np.testing.assert_allclose(lower, reference.logcdf(x.numpy()), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(upper, reference.logsf(x.numpy()), rtol=1e-8, atol=1e-10)
    outside = torch.tensor([-math.inf, math.inf], dtype=D)
    assert log_tails(base, outside)[0].tolist() == [-math.inf, 0]
    assert log_tails(base, outside)[1].tolist() == [0, -math.inf]


@families
@sides
def test_truncated_is_the_conditional_law(name: str, side: str) -> None:
    """Draws fit by Kolmogorov-Smirnov: a correct sampler fails with probability 1e-5 a row."""
    torch.manual_seed(4)
    base, reference, _, _ = FAMILIES[name]
    low, high = ends(name, side)
    d = dist.Truncated(base, low, high)
    discrete = base.support.is_discrete
    first = -np.inf if low is None else low - discrete
    below, upto = reference.cdf(first), reference.cdf(np.inf if high is None else high)
    x = d.sample((500,))
    assert d.support.check(x).all()
    u = (reference.cdf(x.numpy()) - below) / (upto - below)
    np.testing.assert_allclose(d.cdf(x), u, rtol=1e-8, atol=1e-10)
    density = (reference.logpmf if discrete else reference.logpdf)(x.numpy())
    np.testing.assert_allclose(d.log_prob(x), density - np.log(upto - below), atol=1e-8)
    x = x[d.cdf(x) < 0.9]  # beyond, 1 - u has lost digits
    torch.testing.assert_close(d.icdf(d.cdf(x)), x, rtol=1e-6, atol=1e-8)
    if not discrete:
        assert sp.kstest(u, "uniform").pvalue > 1e-5


@families
@sides
def test_censored_has_atoms_at_its_ends(name: str, side: str) -> None:
    torch.manual_seed(4)
    base, reference, _, _ = FAMILIES[name]
    low, high = ends(name, side)
    d = dist.Censored(base, low, high)
    discrete = base.support.is_discrete
    x = d.sample((200,)).numpy()
    expected = (reference.logpmf if discrete else reference.logpdf)(x)
    if low is not None:
        expected = np.where(x <= low, reference.logcdf(low), expected)
    if high is not None:
        expected = np.where(x >= high, reference.logsf(high - discrete), expected)
    np.testing.assert_allclose(d.log_prob(x), expected, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("low", "high"), [(100, None), (None, -100), (100, 101), (5, 5.0001)])
@pytest.mark.parametrize("name", ["normal", "cauchy", "laplace", "student"])
def test_truncation_far_out(name: str, low: Any, high: Any, dtype: torch.dtype) -> None:
    zero = torch.zeros((), dtype=dtype)
    base = {
        "normal": dist.Normal(zero, 1.0),
        "cauchy": dist.Cauchy(zero, 1.0),
        "laplace": dist.Laplace(zero, 1.0),
        "student": dist.StudentT(zero + 5, 0.0, 1.0),
    }[name]
    d = dist.Truncated(base, low, high)
    x = d.sample((20,))
    assert d.support.check(x).all()
    assert len(x.unique()) > 10
    assert d.log_prob(x).isfinite().all()


def test_truncated_normal_tail_mass() -> None:
    """1e-8 of the asymptotic series of Mills' ratio, where the probability is 10^-2174."""
    d = dist.Truncated(dist.Normal(t(0.0), 1.0), low=100.0)
    mass = dist.Normal(t(0.0), 1.0).log_prob(t(100.0)) - d.log_prob(t(100.0))
    assert mass.item() == pytest.approx(float(ss.log_ndtr(-100.0)), rel=1e-12)


@pytest.mark.parametrize("name", ["normal", "gamma", "weibull", "student", "beta"])
def test_gradients_are_finite_differences(name: str) -> None:
    """Of truncated and censored log densities in every parameter, and of draws given the noise."""
    make: dict[str, tuple[Any, list[float], float, float]] = {
        "normal": (dist.Normal, [0.3, 1.2], 4.0, 6.0),
        "gamma": (dist.Gamma, [2.5, 0.5], 1.0, 9.0),
        "weibull": (dist.Weibull, [2.0, 1.5], 1.0, 4.0),
        "student": (dist.StudentT, [4.0, 0.3, 1.2], 2.0, 6.0),
        "beta": (dist.Beta, [2.0, 3.5], 0.6, 0.9),
    }
    family, start, low, high = make[name]
    start = [*start, low, high]

    def values(*p: torch.Tensor) -> torch.Tensor:
        middle = t((low + high) / 2)
        truncated = dist.Truncated(family(*p[:-2]), *p[-2:])
        censored = dist.Censored(family(*p[:-2]), *p[-2:])
        return torch.stack([truncated.log_prob(middle), *map(censored.log_prob, p[-2:])])

    def draws(*p: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(1)
        return dist.Truncated(family(*p[:-2]), *p[-2:]).rsample((5,))

    for function in (values, draws):
        parameters = [t(x).requires_grad_() for x in start]
        exact = torch.autograd.functional.jacobian(function, tuple(parameters))
        for i, gradient in enumerate(exact):
            step = torch.zeros(len(start), dtype=D)
            step[i] = 1e-5
            with torch.no_grad():
                up = function(*(torch.tensor(start, dtype=D) + step))
                down = function(*(torch.tensor(start, dtype=D) - step))
            torch.testing.assert_close(gradient, (up - down) / 2e-5, rtol=2e-4, atol=1e-6)


def test_bad_ends_are_named() -> None:
    with pytest.raises(ValueError, match="low <= high"):
        dist.Truncated(dist.Normal(0.0, 1.0), 2.0, 1.0)
    with pytest.raises(ValueError, match="no mass between"):
        dist.Truncated(dist.Exponential(1.0), -2.0, -1.0)
    with pytest.raises(ValueError, match="univariate"):
        dist.Censored(dist.Normal(torch.zeros(2), 1.0).to_event(1), 0.0)
    with pytest.raises(ValueError, match="support"):
        dist.Truncated(dist.Normal(0.0, 1.0), 0.0).log_prob(-1.0)


def test_enumerated_truncated_counts() -> None:
    d = dist.Truncated(dist.Poisson(torch.tensor([2.0, 3.0])), 0.5, 4.0)
    assert d.enumerate_support()[:, 0].tolist() == [1, 2, 3, 4]
    assert d.log_prob(d.enumerate_support()).exp().sum(0).tolist() == pytest.approx([1, 1])
    assert not dist.Truncated(dist.Poisson(2.0), low=1.0).has_enumerate_support
