"""Every family of the table: compiled log density and gradient are those of torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pyro.compile import compile_value_and_grad
from pyro.distributions.util import enable_validation
from tests.laws.distribution_case import Case
from tests.laws.distribution_cases import CASES, draw
from tests.laws.test_gradient_laws import parameters

NO_DENSITY = ("delta", "delta-vector", "improper")
NOT_SMOOTH = ("stable-cauchy",)  # a quotient of differences that are nearly zero


@pytest.fixture(autouse=True)
def without_validation():
    enable_validation(False)
    yield
    enable_validation(True)


def density_of(case: Case):
    """A density of the parameters and the value, all unconstrained, and a point."""
    values = draw(case.build((3,)))
    maps = parameters(case)
    starts = [start.expand((3, *start.shape)).double() for _, start in maps.values()]
    smooth = values.is_floating_point() and not case.build().support.is_discrete
    pieces = [*starts, *([values.double()] if smooth else [])]
    sizes = [p.numel() for p in pieces]

    def log_density(x: Tensor) -> Tensor:
        parts = x.split(sizes)
        given = dict(case.kwargs((3,)))
        for (name, (to, _)), part, start in zip(maps.items(), parts, starts, strict=False):
            given[name] = to(part.reshape(start.shape))
        value = parts[-1].reshape(values.shape) if smooth else values
        return case.family(**given).log_prob(value).sum()

    return log_density, torch.cat([p.reshape(-1) for p in pieces]) if pieces else torch.zeros(0)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_log_density_and_gradient(case: Case) -> None:
    if case.id in NO_DENSITY + NOT_SMOOTH:
        pytest.skip("there is nothing to differentiate")
    log_density, x = density_of(case)
    density = compile_value_and_grad(log_density, x, verify=False)
    value, gradient = density.value_and_grad(x)
    variable = x.clone().requires_grad_()
    expected = log_density(variable)
    slope = torch.autograd.grad(expected, variable, allow_unused=True)[0]
    slope = torch.zeros_like(x) if slope is None else slope
    torch.testing.assert_close(value, expected.detach(), rtol=1e-10, atol=1e-10, equal_nan=True)
    torch.testing.assert_close(gradient, slope, rtol=1e-8, atol=1e-8, equal_nan=True)
