"""Gradients are told from what is not one, by the values alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.compile.slopes import slopes_agree

TOLERANCE = 1e-7


def far(x: Tensor) -> Tensor:
    return -0.5 * ((x - 3.0) / 1e-3).square().sum(-1)


def rosenbrock(x: Tensor) -> Tensor:
    head, tail = x[..., :-1], x[..., 1:]
    return -(100.0 * (tail - head.square()).square() + (1.0 - head).square()).sum(-1)


SMOOTH: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "one coordinate": (lambda x: x.sum(-1).sin(), 1),
    "a narrow normal": (far, 7),
    "rosenbrock": (rosenbrock, 20),
    "counts": (lambda x: (50.0 * x - 3.0 * x.exp()).sum(-1), 200),
    "mixture": (lambda x: torch.logsumexp(torch.stack([-x.square(), 2 * x - 1]), 0).sum(-1), 50),
    "large": (lambda x: 1e6 + 1e3 * x.cos().sum(-1), 30),
    "logistic": (lambda x: torch.nn.functional.logsigmoid(30.0 * x).sum(-1), 9),
}


def at(name: str) -> tuple[Callable[[Tensor], Tensor], Tensor, Tensor]:
    fn, dim = SMOOTH[name]
    point = torch.linspace(-1.0, 1.3, dim, dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(fn(point), point)
    return fn, point.detach(), gradient


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_pass(name: str) -> None:
    assert slopes_agree(*at(name), TOLERANCE)


@pytest.mark.parametrize("name", SMOOTH)
def test_an_error_in_any_one_coordinate_does_not(name: str) -> None:
    fn, point, gradient = at(name)
    for position in range(0, len(point), 1 + len(point) // 8):
        wrong = gradient.clone()
        wrong[position] += 3e-6 * float(gradient.abs().max().clamp(min=1.0))
        assert not slopes_agree(fn, point, wrong, TOLERANCE)


WRONG: dict[str, Callable[[Tensor], Tensor]] = {
    "in another order": lambda g: g.flip(0),
    "two changed places": lambda g: torch.cat([g[1:2], g[:1], g[2:]]),
    "not finite": lambda g: torch.cat([g[:-1], g[:1] * torch.nan]),
    "of half the length": lambda g: g / 2,
    "nothing": torch.zeros_like,
}


@pytest.mark.parametrize("change", WRONG)
def test_other_vectors_do_not(change: str) -> None:
    fn, point, gradient = at("rosenbrock")
    assert not slopes_agree(fn, point, WRONG[change](gradient), TOLERANCE)


def test_without_coordinates_there_is_nothing_to_see() -> None:
    assert slopes_agree(lambda x: x.sum(-1), torch.zeros(0), torch.zeros(0), TOLERANCE)


def test_outside_of_the_support_nothing_is_known() -> None:
    point, gradient = torch.full((2,), -1.0, dtype=torch.float64), torch.zeros(2)
    assert not slopes_agree(lambda x: x.log().sum(-1), point, gradient.double(), TOLERANCE)
