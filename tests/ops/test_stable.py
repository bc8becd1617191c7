"""Stable laws: closed forms, the characteristic function of draws, continuity at 1."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np
import pytest
import scipy.stats as sp
import torch

import pyro.distributions as dist
from pyro.ops.stable import standard_stable, standard_stable_log_prob

D = torch.float64
X = [-8.0, -1.5, -0.2, 0.0, 0.3, 2.0, 40.0]
ROWS = [(2.0, 0.0), (1.7, -0.9), (1.1, 0.5), (1.0, 0.5), (1.0, 0.0), (0.9, -0.3), (0.6, 1.0)]


def t(x: Any) -> torch.Tensor:
    return torch.tensor(x, dtype=D)


@pytest.mark.parametrize(
    ("stability", "skew", "reference"),
    [
        (2.0, 0.3, sp.norm(0, math.sqrt(2))),
        (1.0, 0.0, sp.cauchy()),
        (0.5, 1.0, sp.levy(-1.0)),
        (0.5, -1.0, sp.levy_l(1.0)),
    ],
)
def test_closed_forms(stability: float, skew: float, reference: Any) -> None:
    log_prob = standard_stable_log_prob(t(stability), t(skew), t(X))
    np.testing.assert_allclose(log_prob, reference.logpdf(X), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize(("stability", "skew"), ROWS)
def test_draws_have_the_characteristic_function(stability: float, skew: float) -> None:
    """Real and imaginary part within 5 standard errors: a false alarm in 1e-6 of the numbers."""
    torch.manual_seed(7)
    n = 20000
    v, w = (torch.rand(n, dtype=D) - 0.5) * math.pi, torch.empty(n, dtype=D).exponential_()
    x = standard_stable(t(stability), t(skew), v, w)
    for u in (0.5, 1.5):
        if stability == 1:
            skewed = skew * 2 / math.pi * math.log(u)
        else:
            skewed = skew * math.tan(math.pi * stability / 2) * (u ** (1 - stability) - 1)
        expected = cmath.exp(-(u**stability) * (1 + 1j * skewed))
        error = torch.exp(1j * u * x).mean().item() - expected
        assert max(abs(error.real), abs(error.imag)) < 5 / math.sqrt(n)


@pytest.mark.parametrize(("stability", "skew"), ROWS)
def test_log_prob_gradient(stability: float, skew: float) -> None:
    leaves = [t(stability).requires_grad_(), t(skew).requires_grad_()]
    leaves.append(t([-0.7, 0.4, 3.0]).requires_grad_())
    exact = torch.autograd.grad(standard_stable_log_prob(*leaves).sum(), leaves)
    for i, gradient in enumerate(exact):
        if i < 2 and (stability == 2 or abs(skew) == 1):
            continue  # the border of the parameter space
        step = 1e-4
        moved = [
            [p.detach() + sign * step * (j == i) for j, p in enumerate(leaves)] for sign in (1, -1)
        ]
        up, down = (standard_stable_log_prob(*p) for p in moved)
        expected = (up - down) / (2 * step)
        expected = expected if gradient.dim() else expected.sum()
        torch.testing.assert_close(gradient, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("function", ["draw", "score"])
def test_smooth_through_stability_one(function: str) -> None:
    stability = t([1 - 1e-3, 1 - 1e-5, 1.0, 1 + 1e-5, 1 + 1e-3])
    if function == "draw":
        y = standard_stable(stability, t(0.7), t(0.9), t(0.4))
    else:
        y = standard_stable_log_prob(stability, t(0.7), t(1.3))
    assert (y - y[2]).abs().max() < 1e-2
    assert (y[1:4] - y[2]).abs().max() < 1e-4


def test_coordinates() -> None:
    """In the coordinates S the location is the mean, where there is one."""
    d = dist.Stable(t(1.5), t(0.4), t(1.3), t(0.2), coords="S")
    assert d.mean.item() == pytest.approx(0.2)
    same = dist.Stable(t(1.5), t(0.4), t(1.3), d._center())
    torch.testing.assert_close(d.log_prob(t(X)), same.log_prob(t(X)))
    assert dist.Stable(2.0, 0.0, 3.0).variance == 18
    assert dist.Stable(0.8, 0.0).mean.isnan()
    with pytest.raises(ValueError, match="coords"):
        dist.Stable(1.5, 0.0, coords="M")
