"""The length of machine code: scalars share vectors, and large programs have loops and calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.compile import NativeDensity, compile_value_and_grad

Density = Callable[[Tensor], Tensor]


def scalars(x: Tensor) -> Tensor:
    """Unlike terms of one element each, some of them functions of others."""
    total = x[0].square()
    for k in range(len(x)):
        z = x[k].exp() if k % 2 else torch.nn.functional.softplus(x[k])
        total = total + (z + k).log() - torch.lgamma(z + 1.0) + (x[k - 1] * z).tanh()
    return total


def chained(x: Tensor) -> Tensor:
    """Each function waits for the one before."""
    z = x[0]
    for k in range(len(x)):
        z = torch.log1p((z + x[k]).exp())
    return z


def plates(count: int, n: int) -> Density:
    """Many small arrays, each with functions of its own."""

    def density(x: Tensor) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for k in range(count):
            part = x[k * n : (k + 1) * n]
            outer = (part[:, None] * part + k).sigmoid()
            total = total + outer.logsumexp(0).sum() + (part.exp() + 1.0).log().sum()
        return total

    return density


def rugged(x: Tensor) -> Tensor:
    """Logarithms and powers of numbers that may be negative, zero or infinite."""
    return sum(((x[k].log() * k + x[k].sqrt()) for k in range(1, len(x))), x[0] * 0.0 + x[0].log())


def compiled(fn: Density, dim: int) -> NativeDensity:
    return compile_value_and_grad(fn, torch.linspace(0.1, 1.0, dim, dtype=torch.float64))


def assert_equal(fn: Density, density: NativeDensity, x: Tensor) -> None:
    variable = x.clone().requires_grad_()
    expected = fn(variable)
    (slope,) = torch.autograd.grad(expected, variable)
    value, gradient = density.value_and_grad(x)
    torch.testing.assert_close(value, expected.detach(), rtol=1e-10, atol=0, equal_nan=True)
    torch.testing.assert_close(gradient, slope, rtol=1e-10, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize(
    ("fn", "dim"),
    [(scalars, 1), (scalars, 2), (scalars, 7), (scalars, 50), (chained, 30), (plates(12, 6), 72)],
    ids=["one", "two", "seven", "fifty", "chained", "plates"],
)
def test_equals_eager(fn: Density, dim: int) -> None:
    density = compiled(fn, dim)
    for k in range(3):
        assert_equal(fn, density, (k + torch.arange(dim, dtype=torch.float64)).sin())


@pytest.mark.parametrize("bad", [-1.0, 0.0, float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("at", range(5))
def test_lanes_do_not_disturb_each_other(bad: float, at: int) -> None:
    density = compiled(rugged, 5)
    x = torch.linspace(0.3, 2.0, 5, dtype=torch.float64)
    _, before = density.value_and_grad(x)
    x[at] = bad
    assert_equal(rugged, density, x)
    _, after = density.value_and_grad(x)
    assert torch.equal(after[torch.arange(5) != at], before[torch.arange(5) != at])


def test_scalars_share_vectors() -> None:
    one, many = (compiled(scalars, dim).report().code_bytes for dim in (4, 64))
    assert many < 6 * one  # 16 times as many functions, in lanes that were empty


def test_large_programs_have_loops_and_calls() -> None:
    """A plate more costs less once there are many: the code of each is no longer written out."""
    few, some, many = (
        compiled(plates(count, 6), 6 * count).report().code_bytes for count in (1, 20, 40)
    )
    assert (many - some) / 20 < 0.2 * few
