"""Log tails of every family that has them are logarithms of integrals of its density."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.distributions.tails import log_tails
from pyro.ops.skew_normal import log_skew_normal_tails
from tests.laws.distribution_case import Case
from tests.laws.test_density_laws import JUMPS, UNIVARIATE, coordinates, log_density, table

WITH_KINKS = {*JUMPS, "laplace", "asymmetric-laplace"}


def log_integral(d: Any, to_support: Any, start: Tensor, width: Tensor, sign: int) -> Tensor:
    """The log of the mass beyond a point in unconstrained coordinates, on one side of it."""
    s = torch.linspace(-5.0, 30.0, 7001, dtype=start.dtype)
    distance = (s - (-s).exp()).exp()
    log_slope = distance.log() + (-s).exp().log1p()
    u = start + sign * width * distance
    bounded = [hasattr(d.support, f"{side}_bound") for side in ("lower", "upper")]
    kept = u.abs() < (34.0 if all(bounded) else 600.0 if any(bounded) else float("inf"))
    terms = log_density(d, to_support, u[kept]) + log_slope[kept]
    log_mass: Tensor = terms.logsumexp(0) + (width * (s[1] - s[0])).log()
    return log_mass


@table(UNIVARIATE)
def test_log_tails_are_integrals(case: Case) -> None:
    d = case.build()
    if isinstance(d, dist.VonMises) or case.id in JUMPS:
        pytest.skip("on the circle" if isinstance(d, dist.VonMises) else "discontinuous")
    to_support, draws = coordinates(d)
    width = draws.quantile(0.9) - draws.quantile(0.1)
    for steps in (-3.0, -0.6, 0.5, 4.0):
        start = draws.median() + steps * width
        x = to_support(start)
        try:
            lower, upper = log_tails(d, x)
        except NotImplementedError:
            pytest.skip("no distribution function")
        smaller, sign = (lower, -1) if lower < upper else (upper, 1)
        if smaller == -torch.inf or (hasattr(d.support, "upper_bound") and start.abs() > 8.0):
            continue  # too close to the end for the integral
        expected = log_integral(d, to_support, start, width, sign)
        tol = 1e-4 if case.id in WITH_KINKS else 1e-6
        torch.testing.assert_close(smaller, expected, rtol=tol, atol=tol)


@pytest.mark.parametrize("skew", [0.0, 0.3, -3.0, 50.0])
@pytest.mark.parametrize("z", [-30.0, -2.0, -0.01, 0.7, 12.0])
def test_skew_normal_tails_sum_to_one_and_fall(skew: float, z: float) -> None:
    at = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    alpha = torch.tensor(skew, dtype=torch.float64)
    lower, upper = log_skew_normal_tails(at, alpha)
    assert (lower.exp() + upper.exp()).item() == pytest.approx(1.0, abs=1e-11)
    (slope,) = torch.autograd.grad(torch.minimum(lower, upper), at)
    hazard = dist.SkewNormal(0.0, 1.0, alpha).log_prob(at) - torch.minimum(lower, upper)
    assert slope.abs().item() == pytest.approx(hazard.exp().item(), rel=1e-9)


def test_skew_normal_tails_of_extreme_arguments() -> None:
    z = torch.tensor([-1e5, -100.0, 0.0, 100.0, 1e5], requires_grad=True)
    for skew in (0.0, 1e-6, 1.0, -1e4):
        alpha = torch.tensor(skew, requires_grad=True)
        total = sum(log_skew_normal_tails(z, alpha))
        assert isinstance(total, Tensor) and total.isfinite().all()
        assert all(g.isfinite().all() for g in torch.autograd.grad(total.sum(), (z, alpha)))
