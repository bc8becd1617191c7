"""Densities of positive parameters take no logarithms of exponentials, nor divide by them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.compile import compile, compile_value_and_grad

DATA = torch.tensor([1.5, 0.0, 3.25, 10.0, 0.0, 2.0], dtype=torch.float64)
ZERO = DATA == 0
FINITE = torch.tensor([0.3, -1.7, 2.5, 4.0, -0.6, 0.0], dtype=torch.float64)
EXTREMES = torch.tensor(
    [
        [-708.0, 709.7, 709.79, -745.14, -745.2, 1e300],
        [float("inf"), float("-inf"), float("nan"), 0.0, -0.0, -1e300],
        [float("nan"), float("inf"), float("-inf"), 800.0, -800.0, 1.0],
    ],
    dtype=torch.float64,
)
Program = Callable[[Tensor], Tensor]

LOGARITHMS: dict[str, Program] = {
    "of an exponential": lambda x: x.exp().log(),
    "of one read backwards": lambda x: x.exp().flip(0).log(),
    "of a choice": lambda x: torch.where(ZERO, 1.0, x.exp()).log(),
    "of a choice of two": lambda x: torch.where(ZERO, (2 * x).exp(), x.exp()).log(),
}


@pytest.mark.parametrize("name", LOGARITHMS)
def test_logarithms_are_left_out(name: str) -> None:
    fn = LOGARITHMS[name]
    program = compile(fn, FINITE)
    assert "log(" not in program.explain()
    for x in (FINITE, *EXTREMES):
        torch.testing.assert_close(program(x), fn(x), rtol=1e-13, atol=1e-15, equal_nan=True)


QUOTIENTS: dict[str, Program] = {
    "in a sum": lambda x: x.exp() * (DATA / x.exp() + x),
    "in a difference": lambda x: x.exp() * (x - DATA / x.exp()),
    "in a sum of a sum": lambda x: (x.sin() + (-2.0 - DATA / x.exp())) * x.exp(),
    "guarded": lambda x: x.exp() * (torch.where(ZERO, 0.0, DATA / x.exp()) - 1.0),
    "guarded twice": lambda x: (
        (torch.where(ZERO, 0.0, DATA / torch.where(ZERO, 1.0, x.exp())) - 1.0) * x.exp()
    ),
}


@pytest.mark.parametrize("name", QUOTIENTS)
def test_quotients_are_left_out(name: str) -> None:
    fn = QUOTIENTS[name]
    program = compile(fn, FINITE)
    assert " / " not in program.explain()
    torch.testing.assert_close(program(FINITE), fn(FINITE), rtol=1e-13, atol=1e-15)
    x = torch.tensor([700.0, -700.0, 709.0, 30.0, -30.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(program(x), fn(x), rtol=1e-12, atol=1e-12)


KEPT: dict[str, tuple[Program, str]] = {
    "a logarithm of a sum": (lambda x: (x.exp() + 1.0).log(), "log("),
    "a logarithm of another choice": (lambda x: torch.where(ZERO, x, x.exp()).log(), "log("),
    "a quotient by another": (lambda x: x.exp() * (DATA / (2 * x).exp() + x), " / "),
    "a quotient alone": (lambda x: x.exp() * (DATA / x.exp()), " / "),
    "a guard of another": (
        lambda x: x.exp() * (torch.where(ZERO, 3.0, DATA / x.exp()) - 1.0),
        " / ",
    ),
    "a choice by another": (
        lambda x: torch.where(ZERO, 0.0, DATA / torch.where(x > 1, 1.0, x.exp())),
        " / ",
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_would_mean_something_else_is_kept(name: str) -> None:
    fn, expected = KEPT[name]
    program = compile(fn, FINITE)
    assert expected in program.explain()
    for x in (FINITE, *EXTREMES):
        torch.testing.assert_close(program(x), fn(x), rtol=1e-13, atol=1e-15, equal_nan=True)


def test_a_log_linear_poisson_density_has_one_exponential_per_count() -> None:
    counts = torch.poisson(torch.full((40,), 2.0), generator=torch.Generator().manual_seed(0))
    assert bool((counts == 0).any())

    def log_density(x: Tensor) -> Tensor:
        return dist.Poisson(x.exp(), validate_args=False).log_prob(counts.double()).sum()

    x = torch.linspace(-3, 3, 40, dtype=torch.float64)
    density = compile_value_and_grad(log_density, x)
    text = density.explain()
    assert text.count("exp(") == 1
    assert "log(" not in text
    assert " / " not in text
    variable = x.clone().requires_grad_()
    value = log_density(variable)
    (slope,) = torch.autograd.grad(value, variable)
    found = density.value_and_grad(x)
    torch.testing.assert_close(found[0], value.detach(), rtol=1e-13, atol=0.0)
    torch.testing.assert_close(found[1], slope, rtol=1e-12, atol=1e-12)


def test_rates_that_vanish_where_the_code_is_checked() -> None:
    """There torch's gradient is nan, and that of the code is a number: nobody asks for either."""

    def log_density(x: Tensor) -> Tensor:
        rate = (x - 900.0).exp()
        return (torch.where(ZERO, 1.0, rate).log() * DATA - rate).sum()

    density = compile_value_and_grad(log_density, FINITE)
    assert density.value(FINITE) == -torch.inf
    value, slope = density.value_and_grad(FINITE + 900.0)
    rate = FINITE.exp()
    torch.testing.assert_close(slope, DATA - rate)
    torch.testing.assert_close(value, (DATA * FINITE - rate).sum())


def test_new_data_use_the_code_again() -> None:
    def of(data: Tensor) -> Program:
        zero = data == 0
        return compile(lambda x: x.exp() * (torch.where(zero, 0.0, data / x.exp()) - 1.0), FINITE)

    of(DATA)
    other = torch.tensor([0.0, 1.0, 2.0, 0.0, 4.0, 9.0], dtype=torch.float64)
    program = of(other)
    assert program.report().origin == "memory"
    torch.testing.assert_close(program(FINITE), other - FINITE.exp())
