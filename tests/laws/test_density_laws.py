"""Densities integrate to one, masses sum to one, and distribution functions belong to them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from tests.laws.cases_discrete import MIXED
from tests.laws.distribution_case import Case
from tests.laws.distribution_cases import CASES

UNNORMALISED = ("unit", "improper", "delta", "empirical", "censored", *MIXED)
JUMPS = ("rejector", "mixture-of-families")
"""Discontinuous densities, for which the trapezoidal rule is of first order."""

ON_CIRCLES = {"SineBivariateVonMises", "SineSkewed", "VonMises"}
"""Families over angles, whose densities have a period."""

SATURATED = 34.0
"""Beyond this the sigmoid function is one in double precision."""


def scores(case: Case) -> bool:
    """Whether there is a density."""
    d = case.build()
    try:
        d.log_prob(d.sample())
    except NotImplementedError:
        return False
    return True


def is_continuous(case: Case) -> bool:
    return not case.id.startswith(UNNORMALISED) and not case.build().support.is_discrete


DENSITIES = [case for case in CASES if is_continuous(case) and scores(case)]
UNIVARIATE = [case for case in DENSITIES if not case.build().event_shape]
MULTIVARIATE = [case for case in DENSITIES if case.build().event_shape]
INTEGERS = [
    case
    for case in CASES
    if not case.id.startswith(UNNORMALISED)
    and case.build().support.is_discrete
    and not case.build().event_shape
]


def table(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case.id for case in cases])


def coordinates(d: Any) -> tuple[Any, Tensor]:
    """The map from unconstrained coordinates onto the support, and draws in these."""
    torch.manual_seed(0)
    support = d.support
    if type(d).__name__ in ON_CIRCLES:
        support = dist.constraints.independent(dist.constraints.circular, d.event_dim)
    to_support = dist.biject_to(support)
    return to_support, to_support.inv(d.sample((200,)))


def log_density(d: Any, to_support: Any, u: Tensor) -> Tensor:
    """The log density in unconstrained coordinates."""
    x = to_support(u)
    log_det = to_support.log_abs_det_jacobian(u, x)
    total: Tensor = d.log_prob(x) + log_det
    return total


def weighted_points(case: Case) -> tuple[Tensor, Tensor]:
    """Values and their mass by the trapezoidal rule, in coordinates that reach into both tails."""
    d = case.build()
    to_support, draws = coordinates(d)
    low, centre, high = draws.quantile(torch.tensor([0.1, 0.5, 0.9], dtype=draws.dtype))
    points = 6001 if case.id.startswith("stable") else 24001  # where each is costly
    s = torch.linspace(-30.0, 30.0, points, dtype=draws.dtype)
    u = centre + (high - low) * s.sinh()
    kept = torch.ones_like(u, dtype=torch.bool)
    if d.support is not dist.constraints.real or type(d).__name__ in ON_CIRCLES:
        bounded = hasattr(d.support, "lower_bound") and hasattr(d.support, "upper_bound")
        kept = u.abs() < (SATURATED if bounded or type(d).__name__ in ON_CIRCLES else 600.0)
    density = (log_density(d, to_support, u[kept]) + s[kept].cosh().log()).exp()
    return to_support(u[kept]), density * (high - low) * (s[1] - s[0])


@table(UNIVARIATE)
def test_density_integrates_to_one(case: Case) -> None:
    _, mass = weighted_points(case)
    assert mass.sum().item() == pytest.approx(1.0, abs=2e-3 if case.id in JUMPS else 1e-5)


@table(UNIVARIATE)
def test_moments_are_integrals(case: Case) -> None:
    d = case.build()
    try:
        mean, variance = d.mean, d.variance
    except NotImplementedError:
        pytest.skip("no moments")
    if not (mean.isfinite() and variance.isfinite()) or type(d).__name__ in ON_CIRCLES:
        pytest.skip("no finite moments, or on the circle")
    x, mass = weighted_points(case)
    x = torch.where(mass > 0, x, 0.0)
    expected = (mass * x).sum()
    tol = 5e-3 if case.id in JUMPS else 1e-5
    torch.testing.assert_close(mean, expected, rtol=tol, atol=tol)
    torch.testing.assert_close(variance, (mass * (x - expected) ** 2).sum(), rtol=tol, atol=tol)


@table(MULTIVARIATE)
def test_density_over_two_coordinates_integrates_to_one(case: Case) -> None:
    d = case.build()
    to_support, draws = coordinates(d)
    if draws.shape[1:].numel() != 2 or not to_support.bijective:
        pytest.skip("not two coordinates")
    flat = draws.reshape(-1, 2)
    factor = torch.linalg.cholesky(flat.T.cov())
    s = torch.linspace(-7.0, 7.0, 561, dtype=draws.dtype)
    grid = torch.cartesian_prod(s, s)
    u = flat.median(0).values + grid.sinh() @ factor.T
    kept = (u.abs() < 600.0).all(-1)
    log_mass = log_density(d, to_support, u[kept].reshape(-1, *draws.shape[1:]))
    log_mass = log_mass + grid[kept].cosh().log().sum(-1)
    total = log_mass.exp().sum() * factor.det() * (s[1] - s[0]) ** 2
    assert total.item() == pytest.approx(1.0, abs=1e-3)


def whole_numbers(d: Any) -> Tensor:
    """The integers of the support that hold all but 1e-9 of the mass of the cases."""
    values = torch.arange(-300, 5000, dtype=torch.float64)
    return values[d.support.check(values)]


@table(INTEGERS)
def test_mass_sums_to_one(case: Case) -> None:
    d = case.build()
    log_mass = d.log_prob(whole_numbers(d))
    assert (log_mass <= 1e-12).all()
    assert log_mass.exp().sum().item() == pytest.approx(1.0, abs=1e-8)


@table(INTEGERS)
def test_distribution_function_is_the_sum_of_the_mass(case: Case) -> None:
    d = case.build()
    values = whole_numbers(d)[:400]
    try:
        cdf = d.cdf(values)
    except NotImplementedError:
        pytest.skip("no cdf")
    torch.testing.assert_close(cdf, d.log_prob(values).exp().cumsum(0), rtol=1e-7, atol=1e-9)


@table(UNIVARIATE)
def test_density_is_the_derivative_of_the_distribution_function(case: Case) -> None:
    d = case.build()
    torch.manual_seed(1)
    x = d.sample((30,)).sort().values.requires_grad_()
    try:
        cdf = d.cdf(x)
    except NotImplementedError:
        pytest.skip("no cdf")
    assert ((cdf > 0) & (cdf < 1)).all() and (cdf.diff() >= 0).all()
    with torch.no_grad():
        step = 1e-6 * (x.quantile(0.9) - x.quantile(0.1))
        slope = (d.cdf(x + step) - d.cdf(x - step)) / (2 * step)
        density = d.log_prob(x).exp()
    torch.testing.assert_close(slope, density, rtol=1e-5, atol=1e-7 / step.item() * 1e-2)
    if cdf.requires_grad:
        (gradient,) = torch.autograd.grad(cdf.sum(), x)
        torch.testing.assert_close(gradient, density, rtol=1e-6, atol=1e-9)


@table(UNIVARIATE)
def test_quantiles_undo_the_distribution_function(case: Case) -> None:
    d = case.build()
    levels = torch.tensor([1e-6, 0.01, 0.3, 0.5, 0.9, 1 - 1e-6], dtype=torch.float64)
    try:
        x = d.icdf(levels)
        cdf = d.cdf(x)
    except NotImplementedError:
        pytest.skip("no cdf and icdf")
    assert d.support.check(x).all()
    torch.testing.assert_close(cdf, levels, rtol=1e-7, atol=1e-9)


@table(UNIVARIATE)
def test_distribution_function_at_the_ends(case: Case) -> None:
    d = case.build()
    for side, expected, inward in (("lower", 0.0, math.inf), ("upper", 1.0, -math.inf)):
        end = getattr(d.support, f"{side}_bound", None)
        if end is None:
            continue
        end = torch.as_tensor(end, dtype=torch.float64)
        if not d.support.check(end).all():  # an open interval
            end = end.nextafter(torch.tensor(inward, dtype=torch.float64))
        try:
            assert d.cdf(end).item() == pytest.approx(expected, abs=1e-7)
        except NotImplementedError:
            pytest.skip("no cdf")
