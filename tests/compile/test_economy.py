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


def in_place(x: Tensor) -> Tensor:
    """Arrays that are written into, some of them from their own elements, in pieces of seven."""
    y = x[:15].clone()
    y[1:8] = y[1:8].clone().exp() * y[0].clone()
    y[8:15] = y[1:8].clone().sin() + y[8:15].clone()
    y[3:10] = y[3:10].clone() + y[8:15].clone()
    z = torch.cat([y[:7, None] * y[8:15], y[1:8].cumsum(0)[None]])
    return (z.logsumexp(1) * y[:8].tanh()).sum() + z.prod(0).sum() + z.argmax(1).sum()


def reduced(x: Tensor) -> Tensor:
    """Reductions of all kinds over rows that are no multiple of a vector."""
    total = x.new_zeros(())
    for k in range(1, 9):
        rows = (k * x.reshape(3, -1)).sin()
        most = rows.prod(1) + rows.amax(1) * rows.amin(1) + rows.logsumexp(1) + rows.square().sum(1)
        held = torch.where((rows > -0.9).all(1), most, most * rows[:, 0])
        total = total + held.sum() + torch.where((rows > 0.9).any(1), held.sin(), held).sum()
    return total


def regression(columns: int) -> Density:
    """Sums over rows, a block of which is done at a time, for each of a few columns."""
    data = torch.linspace(-1.0, 1.0, 3000 * columns, dtype=torch.float64).sin()
    rows = data.reshape(3000, columns)
    return lambda x: torch.nn.functional.logsigmoid(rows @ x).sum() + (rows @ x).square().sum()


def beside_much(fn: Density) -> Density:
    """A program, and a sum beside which it takes no time."""
    data = torch.linspace(-1.0, 1.0, 20_000, dtype=torch.float64)
    return lambda x: fn(x) + (data * x[0] + x[1]).exp().log1p().sum()


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
    [
        *((scalars, n) for n in (1, 2, 7, 50)),
        (chained, 30),
        (plates(12, 6), 72),
        *((beside_much(plates(6, n)), 6 * n) for n in range(5, 10)),
        (beside_much(in_place), 15),
        *((beside_much(reduced), 3 * n) for n in (3, 5, 6, 7, 9, 15)),
        *((regression(n), n) for n in (5, 7, 9)),
    ],
    ids=["one", "two", "seven", "fifty", "chained", "plates", *map(str, range(5, 10)), "in place"]
    + [f"rows of {n}" for n in (3, 5, 6, 7, 9, 15)]
    + ["5 columns", "7 columns", "9 columns"],
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


def test_what_takes_no_time_is_written_as_loops_and_calls() -> None:
    alone, beside, nothing = (
        compiled(fn, 24).report().code_bytes
        for fn in (plates(4, 6), beside_much(plates(4, 6)), beside_much(lambda x: x[0]))
    )
    assert beside - nothing < 0.7 * alone
