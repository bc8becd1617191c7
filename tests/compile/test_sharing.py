"""An operation that is repeated on the same tensors is recorded once."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.compile import compile
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


def test_programs() -> None:
    for fn in (
        table,
        written,
        written_before,
        argument_written,
        numbers_that_are_equal,
        without_gradient,
    ):
        check(with_gradients(fn), [POINT])


def test_a_loop_records_what_changes() -> None:
    compiled = compile(table)
    compiled(POINT)
    assert compiled.report().operations < 20 * 4  # of some 120: three, and two a step
