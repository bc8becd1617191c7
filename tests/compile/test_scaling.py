"""Products with numbers, signs, reciprocals of data and sums of constants are put together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.compile import compile

DATA = torch.tensor([1.5, -2.0, 3.25, 10.0, 7.0], dtype=torch.float64)
WIDE = torch.tensor([1.5, -2.0, 0.0, 2.0**-1040, 2.0**1010], dtype=torch.float64)
POINTS = torch.tensor(
    [
        [0.3, -1.7, 2.5, 4.0, -0.6],
        [0.0, -0.0, 1e-300, -1e300, 7.0],
        [float("inf"), 1.0, -1.0, 2.0, 3.0],
        [float("-inf"), float("inf"), 0.0, -2.0, 1.0],
        [float("nan"), 0.5, 0.25, 0.125, 1.0],
    ],
    dtype=torch.float64,
)

Program = Callable[[Tensor], Tensor]
CASES: dict[str, tuple[Program, str]] = {
    "two numbers": (lambda x: (x * -0.5) * 3.0, "x0[i] * -1.5"),
    "a sum with itself": (lambda x: x * 0.5 + x * 0.5, "= x0[i]\n"),
    "minus a half twice": (lambda x: x * -0.5 + x * -0.5, "= neg(x0[i])"),
    "a sign and a number": (lambda x: -(x * 3.0), "x0[i] * -3"),
    "a negative times a number": (lambda x: (-x) * 3.0, "x0[i] * -3"),
    "two signs": (lambda x: (-x) * (-x.flip(0)), "(x0[i] * x0[-1*i + 4])"),
    "a sign of a quotient": (lambda x: x.exp() - (-x) / (x + 1.0), "exp(x0[i]) + (x0[i] /"),
    "a negative difference": (lambda x: -(x - DATA), "(data0[i] - x0[i])"),
    "divided by data": (lambda x: x / DATA, "x0[i] * data"),
    "a sum of multiples": (lambda x: (x * -0.5).sum(), "sum over i of x0[i]"),
    "a sum of negatives": (lambda x: (-x.exp()).sum(), "sum over i of exp(x0[i])"),
    "a sum with a number": (lambda x: (x.exp() - 2.0).sum(), "sum over i of exp(x0[i])"),
    "a sum with data": (lambda x: (x.exp() + DATA).sum(), "sum over i of exp(x0[i])"),
    "a sum with what does not move": (lambda x: (x.exp() - x[0]).sum(), "sum over i of exp(x0[i])"),
    "data less a sum": (lambda x: (DATA - 0.5 * (x * x)).sum(), "sum over i of (x0[i] * x0[i])"),
}


def check(fn: Program, program: Program) -> None:
    for x in POINTS:
        torch.testing.assert_close(program(x), fn(x), rtol=1e-13, atol=1e-300, equal_nan=True)


@pytest.mark.parametrize("name", CASES)
def test_programs_mean_the_same_and_are_shorter(name: str) -> None:
    fn, expected = CASES[name]
    program = compile(fn, POINTS[0])
    assert expected in program.explain()
    check(fn, program)


KEPT: dict[str, tuple[Program, str]] = {
    "numbers whose product overflows": (lambda x: (x * 1e200) * 1e-200, "* 1e+200"),
    "data without reciprocals": (lambda x: x / WIDE, "x0[i] / data"),
    "a sum of tiny multiples": (lambda x: (x * 1e-250).sum(), "* 1e-250"),
    "a sum with infinite data": (lambda x: (x + DATA / 0.0).sum(), "+ data"),
    "a number that is an argument elsewhere": (lambda x: (x * 2.0).exp(), "exp((x0[i] * 2))"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_would_mean_something_else_is_kept(name: str) -> None:
    fn, expected = KEPT[name]
    program = compile(fn, POINTS[0])
    explained = program.explain()
    assert expected in explained or expected.replace("+ data", "data0[i] +") in explained
    check(fn, program)


def test_new_data_use_the_code_again() -> None:
    def of(data: Tensor) -> Program:
        return compile(lambda x: ((x - data) / data).square().sum() + (data + x).sum(), POINTS[0])

    first, second = of(DATA), of(DATA + 1.0)
    first(POINTS[0]), second(POINTS[0])
    assert second.report().origin == "memory"
    x, data = POINTS[0], DATA + 1.0
    expected = ((x - data) / data).square().sum() + (data + x).sum()
    torch.testing.assert_close(second(x), expected, rtol=1e-13, atol=0.0)


def test_reciprocals_are_made_once() -> None:
    program = compile(lambda x: (x / DATA).exp() + (x.sin() / DATA), POINTS[0])
    text = program.explain()
    assert "/" not in text
    assert text.count("data1[i]") + text.count("data0[i]") == 2
