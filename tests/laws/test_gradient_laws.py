"""Gradients of densities in parameters and values are those of finite differences."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from tests.laws.cases_discrete import MIXED
from tests.laws.distribution_case import Case
from tests.laws.distribution_cases import CASES, draw

cases = pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
ATOMIC = ("delta", "empirical", "censored", "unit", *MIXED)
NOT_SMOOTH = {
    "delta": "a point mass",
    "delta-vector": "a point mass",
    "empirical": "point masses",
    "stable-cauchy": "evaluated next to stability 1, so that small differences are steps",
}

Map = Callable[[Tensor], Tensor]


def identity(u: Tensor) -> Tensor:
    return u


def onto(constraint: Any, value: Tensor) -> tuple[Map, Tensor]:
    """A smooth map onto a constraint, and where it takes the given value."""
    try:
        transform = dist.transform_to(constraint)
        return transform, transform.inv(value)
    except NotImplementedError:
        return identity, value


def parameters(case: Case) -> dict[str, tuple[Map, Tensor]]:
    """Unconstrained coordinates of the parameters that a density is smooth in."""
    made = case.build()
    known = dict(made.arg_constraints) if inspect.isclass(case.family) else {}
    found = {}
    for name, value in case.kwargs().items():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            continue
        constraint = known.get(name, dist.constraints.real)
        if constraint.is_discrete or name == "total_count":
            continue
        found[name] = onto(constraint, value)
    return found


@cases
def test_gradients_are_finite_differences(case: Case) -> None:
    if case.id in NOT_SMOOTH:
        pytest.skip(NOT_SMOOTH[case.id])
    torch.manual_seed(4)
    d = case.build()
    try:
        x = draw(d, (3,))
        d.log_prob(x)
    except NotImplementedError:
        pytest.skip("no density")
    maps = parameters(case)
    smooth = x.is_floating_point() and not d.support.is_discrete and not case.id.startswith(ATOMIC)
    place, at = onto(d.support, x) if smooth else (identity, x)

    def log_prob(u: Tensor, *coordinates: Tensor) -> Tensor:
        given = {k: m(c) for (k, (m, _)), c in zip(maps.items(), coordinates, strict=True)}
        result: Tensor = case.family(**{**case.kwargs(), **given}).log_prob(place(u))
        return result

    inputs = [at.clone().requires_grad_(smooth)]
    inputs += [start.clone().requires_grad_() for _, start in maps.values()]
    if not any(v.requires_grad for v in inputs) or not log_prob(*inputs).requires_grad:
        pytest.skip("nothing to differentiate")
    assert torch.autograd.gradcheck(log_prob, inputs, eps=1e-6, atol=2e-5, rtol=1e-4)
