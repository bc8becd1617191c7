"""Every family of the table: compiled log density and gradient are those of torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.compile import compile_value_and_grad
from pyro.distributions.util import enable_validation
from tests.laws.distribution_case import Case
from tests.laws.distribution_cases import CASES, draw
from tests.laws.test_gradient_laws import parameters

NO_DENSITY = ("delta", "delta-vector", "improper")
TOLERANCE = 1e-10
# A quotient of differences that are nearly zero, next to stability 1.
ROUGH = {"stable-cauchy": 1e-4}


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


def eager(log_density: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    variable = x.clone().requires_grad_()
    value = log_density(variable)
    (slope,) = torch.autograd.grad(value, variable, allow_unused=True)
    return value.detach(), torch.zeros_like(x) if slope is None else slope


def assert_near(found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor], rtol: float) -> None:
    """Values, and gradients relative to their largest component, where cancellation ends."""
    torch.testing.assert_close(found[0], expected[0], rtol=rtol, atol=rtol, equal_nan=True)
    finite = expected[1][expected[1].isfinite()].abs()
    scale = float(finite.max()) if len(finite) else 0.0
    torch.testing.assert_close(
        found[1], expected[1], rtol=rtol, atol=rtol * min(1.0, scale), equal_nan=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_log_density_and_gradient(case: Case) -> None:
    """At the parameters of the table, and near them."""
    if case.id in NO_DENSITY:
        pytest.skip("there is nothing to differentiate")
    log_density, start = density_of(case)
    density = compile_value_and_grad(log_density, start, verify=False)
    noise = torch.randn(start.shape, generator=torch.Generator().manual_seed(7), dtype=start.dtype)
    for x in (start, start + 0.1 * noise):
        rtol = ROUGH.get(case.id, TOLERANCE)
        assert_near(density.value_and_grad(x), eager(log_density, x), rtol)


@pytest.mark.parametrize("case", [c for c in CASES if c.id in ROUGH], ids=lambda c: c.id)
def test_where_torch_itself_is_no_more_exact(case: Case) -> None:
    """Its gradient changes as much when parameters move by units in the last place."""
    log_density, x = density_of(case)
    moved = torch.stack([eager(log_density, x + k * 4.5e-16)[1] for k in range(-4, 5)])
    spread = (moved.amax(0) - moved.amin(0)).max() / moved.abs().max()
    assert spread > ROUGH[case.id] / 100
