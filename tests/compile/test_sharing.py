"""An operation that is repeated on the same tensors is recorded once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.compile import compile
from pyro.compile.draws import make_key
from pyro.compile.iteration import Outcome, compile_iteration
from tests.compile.eager import check, with_gradients

POINT = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64)


def table(x: Tensor) -> Tensor:
    total = x.new_zeros(())
    for step in range(20):
        row = x.exp()[torch.arange(3)]
        total = total + (row.log_softmax(-1) * step).sum()
    return total


def written(x: Tensor) -> Tensor:
    """The second product is written into, and so must not be the first."""
    first = x * 3
    second = x * 3
    second[1] += 1
    return (first * 2 + second).sum()


def written_before(x: Tensor) -> Tensor:
    first = x * 3
    first.add_(x.exp())
    return (x * 3 + first).sum()


def written_where_autograd_looks(x: Tensor) -> Tensor:
    """In torch the square's factor is untouched; were the products one, it would not be."""
    first = x * 3
    total = (first**2).sum()
    second = x * 3
    second += 1
    return total + second.sum()


def argument_written(x: Tensor) -> Tensor:
    buffer = torch.zeros(3, dtype=torch.float64)
    total = x.new_zeros(())
    for step in range(3):
        buffer = buffer.clone()
        buffer[step] = x[step]
        total = total + buffer.sum() * (step + 1)
        buffer[step] = 2 * x[step]
        total = total + buffer.sum()
    return total


def numbers_that_are_equal(x: Tensor) -> Tensor:
    return x.mul(1) + x.mul(True) + x.mul(1.0) + torch.atan2(x * 0.0, x) + torch.atan2(x * -0.0, x)


def without_gradient(x: Tensor) -> Tensor:
    with torch.no_grad():
        held = x.exp()
    return (held * x.exp()).sum()


PROGRAMS = [
    table,
    written,
    written_before,
    written_where_autograd_looks,
    argument_written,
    numbers_that_are_equal,
    without_gradient,
]


def test_programs() -> None:
    for fn in PROGRAMS:
        check(with_gradients(fn), [POINT])


@pytest.mark.parametrize("fn", PROGRAMS)
def test_steps_that_are_repeated(fn: Callable[[Tensor], Tensor]) -> None:
    """Steps along a gradient, in which repeated operations are one as well."""

    def moved(x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        value = fn(x).sum()
        return value.detach(), x.detach() - 1e-4 * torch.autograd.grad(value, x)[0]

    key, x = make_key(0), POINT.clone()

    def step() -> Outcome:
        value, following = moved(x)
        return Outcome(value, value.isfinite(), [key, following])

    iteration = compile_iteration(step, [key, x])
    values, refused = iteration.run(5)
    expected, point = [], POINT
    for _ in range(5):
        value, point = moved(point)
        expected.append(value.item())
    assert not refused
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(x, point, rtol=1e-12, atol=1e-12)
    if fn is table:
        assert iteration.report().operations < 150  # of 248


def test_a_loop_records_what_changes() -> None:
    compiled = compile(table)
    compiled(POINT)
    assert compiled.report().operations < 20 * 4  # of some 120: three, and two a step


def test_tensors_whose_writes_are_not_counted() -> None:
    with torch.inference_mode():
        held = torch.arange(3, dtype=torch.float64)

    def fn(x: Tensor) -> Tensor:
        return (x.exp() * (held + 1) + x.exp() * held[1:].sum() + x * (held + 1)).sum()

    check(with_gradients(fn), [POINT])
