"""Extreme parameters and values give finite or correctly infinite densities, and never nan."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.distributions import constraints
from tests.laws.distribution_case import Case
from tests.laws.distribution_cases import CASES, draw

dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
NOT_AT_BORDERS = {
    "empirical": "has no mass but at its samples",
    "mixture-of-families": "zero ends the support of one component, where its slope is infinite",
    "relaxed-bernoulli-st": "scores its own draws only",
}
SQUARES = ("low-rank-mvn", "projected-normal", "von-mises-3d")
"""Families made of squares of parameters, of which 1e30 has none in single precision."""

FAMILIES = [case for case in CASES if inspect.isclass(case.family)]


def table(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case.id for case in cases])


def extremes(constraint: Any) -> list[float]:
    """Numbers at the border of a set of numbers, and far from it."""
    low = getattr(constraint, "lower_bound", None)
    high = getattr(constraint, "upper_bound", None)
    if low is not None and high is not None:
        low, high = float(low), float(high)
        width = high - low
        return [low, low + 1e-6 * width, high - 1e-6 * width, high]
    if low is not None:
        return [float(low) + far for far in (0.0, 1e-30, 1e-6, 1e6, 1e30)]
    if high is not None:
        return [float(high) - far for far in (0.0, 1e-30, 1e-6, 1e6, 1e30)]
    return [-1e30, -1e4, 0.0, 1e4, 1e30]


def within(constraint: Any, numbers: list[float], dtype: torch.dtype) -> Tensor:
    x = torch.tensor(numbers, dtype=dtype)
    if constraint.is_discrete:
        x = x.round().clamp(-1e9, 1e9)
    return x[constraint.check(x)]


def check(d: Any, x: Tensor, leaves: list[Tensor], what: str) -> None:
    """No nan in the log density, nor in its gradients where it is finite."""
    log_prob = d.log_prob(x)
    assert not log_prob.isnan().any(), what
    if d.support.is_discrete:
        assert (log_prob <= 1e-3).all(), what
    kept = x.detach()[log_prob.isfinite()]
    if x.is_floating_point() and not d.support.is_discrete:
        kept.requires_grad_()
    wanted = [v for v in (kept, *leaves) if v.requires_grad]
    if not kept.numel() or not (log_prob := d.log_prob(kept)).requires_grad:
        return
    for gradient in torch.autograd.grad(log_prob.sum(), wanted, allow_unused=True):
        assert gradient is None or not gradient.isnan().any(), f"gradient at {what}"


def scored(case: Case, dtype: torch.dtype) -> Tensor:
    torch.manual_seed(6)
    d = case.build((), dtype)
    try:
        x = draw(d, (3,))
        d.log_prob(x)
    except NotImplementedError:
        pytest.skip("no density")
    return x


@table(CASES)
@dtypes
def test_extreme_values(case: Case, dtype: torch.dtype) -> None:
    scored(case, dtype)
    d = case.build((), dtype)
    if d.event_shape or case.id in NOT_AT_BORDERS:
        pytest.skip(NOT_AT_BORDERS.get(case.id, "not univariate"))
    for number in within(d.support, extremes(d.support), dtype):
        check(d, number.reshape(1), [], f"{number.item():g}")


def replaced(case: Case, dtype: torch.dtype) -> Iterator[tuple[str, dict[str, Any]]]:
    """The arguments with one of them, in turn, extreme."""
    known = dict(case.build((), dtype).arg_constraints)
    kwargs = case.kwargs((), dtype)
    for name, value in kwargs.items():
        constraint = known.get(name)
        if not isinstance(value, Tensor) or not value.is_floating_point() or constraint is None:
            continue
        while isinstance(constraint, type(constraints.independent(constraints.real, 1))):
            constraint = constraint.base_constraint
        if constraints.is_dependent(constraint) or constraint.event_dim:
            continue
        for number in within(constraint, extremes(constraint), dtype).tolist():
            yield f"{name}={number:g}", {**kwargs, name: torch.full_like(value, number)}


@table(FAMILIES)
@dtypes
def test_extreme_parameters(case: Case, dtype: torch.dtype) -> None:
    x = scored(case, dtype)
    wrong = []
    for what, kwargs in replaced(case, dtype):
        leaves = {
            k: v.requires_grad_() if isinstance(v, Tensor) and v.is_floating_point() else v
            for k, v in kwargs.items()
        }
        if dtype is torch.float32 and case.id.startswith(SQUARES) and what.endswith("30"):
            continue
        name = what.split("=")[0]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's, of Wishart draws that may be singular
                d = case.family(**leaves)
        except ValueError as error:
            refused = f"parameter {name}" in str(error) or case.family.__name__ in str(error)
            assert refused, error
            continue
        try:
            if d.support.check(x).all():
                check(d, x, [v for v in leaves.values() if isinstance(v, Tensor)], what)
        except (AssertionError, ValueError, RuntimeError) as error:
            wrong.append(f"{what}: {type(error).__name__} {str(error)[:90]}")
    assert not wrong, "\n".join(wrong)


@dtypes
@pytest.mark.parametrize("ends", [(0.0,), (1.0,)], ids=["at 0", "at 1"])
def test_gradient_where_the_exponent_of_zero_is_zero(ends: Any, dtype: torch.dtype) -> None:
    """Densities that are finite at an end of their support have finite slopes there."""
    one, two = torch.ones((), dtype=dtype), torch.full((), 2.0, dtype=dtype)
    laws = [dist.Beta(one, one), dist.Kumaraswamy(one, one), dist.AffineBeta(one, one, 0.0, one)]
    if ends == (0.0,):
        laws += [dist.Gamma(one, two), dist.Chi2(two), dist.Beta(one, two), dist.Exponential(two)]
    for d in laws:
        x = torch.tensor(ends, dtype=dtype, requires_grad=True)
        (slope,) = torch.autograd.grad(d.log_prob(x).sum(), x)
        inside = torch.tensor(ends, dtype=dtype).clamp(1e-3, 1 - 1e-3).requires_grad_()
        (expected,) = torch.autograd.grad(d.log_prob(inside).sum(), inside)
        torch.testing.assert_close(slope, expected, rtol=0.0, atol=2e-3)
    corner = torch.tensor([0.0, 0.4, 0.6], dtype=dtype, requires_grad=True)
    flat = dist.Dirichlet(torch.ones(3, dtype=dtype)).log_prob(corner)
    assert torch.autograd.grad(flat, corner)[0].eq(0).all()
