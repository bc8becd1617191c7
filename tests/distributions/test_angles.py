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
