"""Laws of the families over angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special as ss
import scipy.stats as sp
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.errors import ShapeError
from pyro.ops.sine_bivariate import _steps, log_marginal

TURN = 2 * math.pi


def torus(count: int = 300) -> Tensor:
    """A grid of pairs of angles, over which means are integrals divided by (2 pi)^2."""
    angle = torch.arange(count, dtype=torch.float64) * (TURN / count) - math.pi
    return torch.cartesian_prod(angle, angle)


def f64(*values: float) -> Tensor:
    return torch.tensor(values if len(values) != 1 else values[0], dtype=torch.float64)


def von_mises(loc: Tensor, concentration: Tensor) -> Any:
    return dist.VonMises(loc, concentration).to_event(1)


@pytest.mark.parametrize("skewness", [(0.5, -0.4), (1.0, 0.0), (0.0, 0.0)])
def test_sine_skewed_normalises(skewness: tuple[float, float]) -> None:
    d = dist.SineSkewed(von_mises(f64(0.4, -2.0), f64(3.0, 0.5)), f64(*skewness))
    mass = d.log_prob(torus()).exp().mean() * TURN**2
    assert mass.item() == pytest.approx(1.0, abs=1e-12)


def test_sine_skewed_draws() -> None:
    """The angle fits its distribution function; fails by chance with probability 1e-5."""
    torch.manual_seed(1)
    loc, kappa, skew = 2.9, 1.5, -0.8
    d = dist.SineSkewed(von_mises(f64(loc)[None], f64(kappa)[None]), f64(skew)[None])
    x = d.sample((20_000,))[:, 0]
    assert x.min() >= -math.pi
    assert x.max() < math.pi
    away = torch.remainder(x - loc + math.pi, TURN).numpy() - math.pi

    def cdf(y: Any) -> Any:
        tilt = (np.exp(kappa * np.cos(y)) - np.exp(-kappa)) / (kappa * TURN * ss.i0(kappa))
        return sp.vonmises(kappa).cdf(y) - skew * tilt

    assert sp.kstest(away, cdf).pvalue > 1e-5


def test_sine_skewed_arguments() -> None:
    base = von_mises(torch.zeros(2), torch.ones(2))
    with pytest.raises(ValueError, match=r"found 1\.1"):
        dist.SineSkewed(base, torch.tensor([0.5, 0.6]), validate_args=True)
    with pytest.raises(ShapeError, match="to_event"):
        dist.SineSkewed(dist.VonMises(0.0, 1.0), torch.tensor([0.5]))
    with pytest.raises(ShapeError, match="to_event"):
        dist.SineSkewed(base, torch.tensor([0.5]))
    with pytest.raises(ValueError, match="unit vectors"):
        dist.SineSkewed(dist.ProjectedNormal(torch.ones(2)), torch.tensor([0.5, 0.1]))
    wide = dist.SineSkewed(base, torch.zeros(3, 1, 2)).expand((3, 4))
    assert wide.sample((5,)).shape == (5, 3, 4, 2)


def test_sine_skewed_gradients() -> None:
    x = f64(0.3, 2.0)
    leaves = [f64(0.4, -2.0), f64(3.0, 0.5), f64(0.5, -0.4)]

    def log_prob(loc: Tensor, kappa: Tensor, skewness: Tensor) -> Tensor:
        return dist.SineSkewed(von_mises(loc, kappa), skewness).log_prob(x)

    torch.autograd.gradcheck(log_prob, [leaf.requires_grad_() for leaf in leaves])


COUPLED = [
    (1e-6, 1e-6, 1e-6),
    (2.0, 3.0, 1.1),
    (2.0, 3.0, -9.0),
    (0.05, 20.0, 4.0),
    (20.0, 0.05, -4.0),
    (30.0, 50.0, 38.7),
    (60.0, 40.0, 0.0),
]
EXTREME = [
    (1e-6, 1e3, 1.0),
    (1e3, 1e3, 999.0),
    (1e6, 1e6, 0.0),
    (1e6, 1e6, 1e6),
    (1e6, 1e6, 3e6),
    (1e6, 1e-6, 1e3),
    (1e-6, 1e-6, 1e6),
]


def sine_model(a: float, b: float, rho: float, dtype: torch.dtype = torch.float64) -> Any:
    return dist.SineBivariateVonMises(*torch.tensor([0.7, -2.9, a, b, rho], dtype=dtype).unbind())


@pytest.mark.parametrize("parameters", COUPLED)
def test_sine_bivariate_normalises(parameters: tuple[float, float, float]) -> None:
    mass = sine_model(*parameters).log_prob(torus()).exp().mean() * TURN**2
    assert mass.item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("a", "b", "rho"), [(2.0, 3.0, 1.1), (1.0, 0.3, 2.0), (700.0, 500.0, 300)])
def test_sine_bivariate_constant_is_the_bessel_series(a: float, b: float, rho: float) -> None:
    """Singh, Hnizdo and Demchuk (2002): the sum over products of Bessel functions."""
    i = np.arange(400)
    with np.errstate(divide="ignore"):
        logs = (
            ss.gammaln(2 * i + 1) - 2 * ss.gammaln(i + 1)
            + i * np.log(rho**2 / (4 * a * b))
            + np.log(ss.ive(i, a)) + np.log(ss.ive(i, b))
        )  # fmt: skip
    expected = 2 * math.log(TURN) + ss.logsumexp(logs) + a + b
    assert sine_model(a, b, rho).norm_const.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("parameters", COUPLED + EXTREME)
def test_sine_bivariate_constant_is_symmetric(parameters: tuple[float, float, float]) -> None:
    """The integral over either angle gives the same, and so do their gradients."""
    a, b, rho = parameters
    here = f64(a, b, rho).requires_grad_()
    there = f64(b, a, rho).requires_grad_()
    values = []
    for leaf in (here, there):
        one, other, coupling = leaf.unbind()
        d = dist.SineBivariateVonMises(0.0, 0.0, one, other, correlation=coupling)
        log_prob = d.log_prob(torch.zeros(2, dtype=torch.float64))
        values.append((log_prob, torch.autograd.grad(log_prob, leaf)[0]))
    torch.testing.assert_close(values[0][0], values[1][0], rtol=1e-11, atol=1e-11)
    swapped = values[1][1][[1, 0, 2]]
    torch.testing.assert_close(values[0][1], swapped, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("parameters", COUPLED + EXTREME)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_sine_bivariate_draws(
    parameters: tuple[float, float, float], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marginal and conditional laws of each angle fit; a row fails by chance with 1e-5.

    The first angle is compared with the density by quadrature on its own scale.  The second, given
    the first, is von Mises: its distribution function makes it uniform.
    """
    torch.manual_seed(2)
    d = sine_model(*parameters, dtype=dtype)
    monkeypatch.setattr(dist.SineBivariateVonMises, "max_sample_iter", 30)
    x = d.sample((4000,))
    assert x.dtype is dtype
    assert d.log_prob(x).isfinite().all()
    if dtype is torch.float32:
        return  # from the same draws, rounded
    a, b, rho = parameters
    phi, psi = (torch.remainder(x - d.mean + math.pi, TURN) - math.pi).numpy().T
    z = np.hypot(b, rho * np.sin(phi))
    rest = np.remainder(psi - np.arctan2(rho * np.sin(phi), b) + math.pi, TURN) - math.pi
    assert sp.kstest(sp.vonmises(z).cdf(rest), "uniform").pvalue > 3e-6
    size = np.abs(phi)
    ends = np.concatenate([[0.0], np.quantile(size, np.linspace(0, 1, 2001)), [math.pi]])
    nodes, weights = np.polynomial.legendre.leggauss(12)
    middle, half = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
    at = middle[:, None] + half[:, None] * nodes
    lifted = np.hypot(b, rho * np.sin(at))
    logs = -2 * a * np.sin(at / 2) ** 2 + (rho * np.sin(at)) ** 2 / (lifted + b)
    logs += np.log(ss.ive(0, lifted))
    mass = (np.exp(logs - logs.max()) * weights).sum(-1) * half
    cdf = np.concatenate([[0.0], mass.cumsum()]) / mass.sum()
    assert sp.kstest(np.interp(size, ends, cdf), "uniform").pvalue > 3e-6
    assert sp.binomtest(int((phi > 0).sum()), len(phi)).pvalue > 3e-6


@pytest.mark.parametrize("parameters", COUPLED + EXTREME)
def test_sine_bivariate_steps_lie_above_the_density(parameters: tuple[float, float, float]) -> None:
    """And not far above it: their area is at most 15 % larger."""
    a, b, rho = f64(*parameters).unsqueeze(-1)
    edges, heights = _steps(a, b, rho)
    place = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
    inside = edges[:-1, None] + edges.diff()[:, None] * place
    logs = log_marginal(a, b, rho, inside)
    slack = 1e-12 * max(1.0, heights.abs().max().item())
    assert (logs <= heights[:, None] + slack).all()
    area = (heights - heights.max()).exp() * edges.diff()
    below = (logs - heights.max()).exp().mean(-1) * edges.diff()
    assert area.sum() < 1.15 * below.sum()


def test_sine_bivariate_arguments() -> None:
    ones = torch.ones(3)
    weighted = dist.SineBivariateVonMises(0.0, 0.0, 2 * ones, 8.0, weighted_correlation=0.5)
    torch.testing.assert_close(weighted.correlation, 2 * ones)
    torch.testing.assert_close(weighted.mean, torch.zeros(3, 2))
    for wrong in ({}, {"correlation": 1.0, "weighted_correlation": 1.0}):
        with pytest.raises(ValueError, match="either"):
            dist.SineBivariateVonMises(0.0, 0.0, 1.0, 1.0, **wrong)
    wide = dist.SineBivariateVonMises(ones[:, None], 0.0, 1.0, 1.0, 0.5).expand((3, 4))
    assert wide.sample((2, 5)).shape == (2, 5, 3, 4, 2)
    assert wide.norm_const.shape == (3, 4)


def test_sine_bivariate_gives_up_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist.SineBivariateVonMises, "max_sample_iter", 1)
    torch.manual_seed(3)
    with pytest.raises(ValueError, match="max_sample_iter"):
        sine_model(2.0, 3.0, 1.1).sample((1000,))


@pytest.mark.parametrize("parameters", [(2.0, 3.0, 1.1), (0.5, 3.0, -9.0), (300.0, 200.0, 250.0)])
def test_sine_bivariate_gradients(parameters: tuple[float, float, float]) -> None:
    x = f64(0.8, -2.6)
    leaves = [f64(v).requires_grad_() for v in (0.7, -2.9, *parameters)]
    torch.autograd.gradcheck(lambda *p: dist.SineBivariateVonMises(*p).log_prob(x), leaves)


def test_sine_skewed_sine_bivariate() -> None:
    d = dist.SineSkewed(sine_model(2.0, 3.0, 1.1), f64(-0.3, 0.6))
    mass = d.log_prob(torus()).exp().mean() * TURN**2
    assert mass.item() == pytest.approx(1.0, abs=1e-12)
    torch.manual_seed(4)
    x = d.sample((20_000,)) - d.base_dist.mean
    grid = torus() + d.base_dist.mean
    density = d.log_prob(grid).exp()[:, None] * TURN**2
    for feature in (torch.sin, torch.cos):  # each mean within 5 errors; fails by chance with 3e-6
        exact = (density * feature(grid - d.base_dist.mean)).mean(0)
        drawn = feature(x)
        assert ((drawn.mean(0) - exact).abs() < 5 * drawn.std(0) / 20_000**0.5).all()


@pytest.mark.parametrize("kappa", [1e-30, 1e-6, 0.3, 5.0, 1e3, 1e6, 1e18, 1e30])
@pytest.mark.parametrize("loc", [0.0, 3.0, -1e6])
def test_von_mises_draws(kappa: float, loc: float) -> None:
    """Each fits its distribution function; fails by chance with probability 1e-5."""
    torch.manual_seed(5)
    x = dist.VonMises(f64(loc), f64(kappa)).sample((200_000,))
    assert x.min() >= -math.pi
    assert x.max() < math.pi
    away = torch.remainder(x - loc + math.pi, TURN).numpy() - math.pi
    if kappa > 1e12:
        if loc == 0:
            assert sp.kstest(x.numpy() * math.sqrt(kappa), "norm").pvalue > 1e-5
        assert np.abs(away).max() < 1e-7
        return
    law = sp.vonmises(kappa).cdf if kappa > 1e-8 else sp.uniform(-math.pi, TURN).cdf
    assert sp.kstest(away, law).pvalue > 1e-5


def test_von_mises_draws_in_single_precision() -> None:
    """Narrow laws about 0 are not rounded to the spacing of numbers about pi; fails 1e-5."""
    torch.manual_seed(6)
    x = dist.VonMises(torch.tensor(0.0), torch.tensor(1e14)).sample((10_000,))
    assert x.dtype is torch.float32
    assert sp.kstest(x.numpy() * 1e7, "norm").pvalue > 1e-5
