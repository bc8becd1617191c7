"""Sums of products over rows and columns of any number: what is left over is added, too."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pyro.compile import compile, compile_value_and_grad
from pyro.compile import program as stages
from pyro.compile.emit.program import Target
from pyro.compile.emit.space import gathered, segments

ROWS = (7, 40, 613, 1000)
COLUMNS = (1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 17, 20, 33, 50)


def _points(parts: tuple) -> list[int]:
    """All positions that are walked."""
    return [
        part.start + turn * part.stride + step.start + lane
        for part in parts
        for turn in range(part.iterations)
        for step in part.steps
        for lane in range(step.width)
    ]


@pytest.mark.parametrize("n", [*range(1, 40), 50, 100])
def test_each_position_is_walked_once(n: int) -> None:
    for unroll in (1, 2, 3, 6, 8):
        for width in (1, 2, 4, 8):
            parts = segments(n, unroll, width)
            assert _points(parts) == list(range(n))
            assert _points(gathered(parts, 10)) == list(range(n))


def _matrix(rows: int, columns: int) -> Tensor:
    generator = torch.Generator().manual_seed(rows + columns)
    return torch.randn(rows, columns, dtype=torch.float64, generator=generator)


def _check_regression(rows: int, columns: int) -> None:
    x, weights = _matrix(rows, columns), _matrix(1, columns)[0]

    def log_density(w: Tensor) -> Tensor:
        return -(x @ w).cosh().log().sum()

    found = compile_value_and_grad(log_density, weights).value_and_grad(weights)
    variable = weights.clone().requires_grad_()
    value = log_density(variable)
    torch.testing.assert_close(found[0], value.detach(), rtol=1e-12, atol=1e-12)
    (slope,) = torch.autograd.grad(value, variable)
    torch.testing.assert_close(found[1], slope, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("columns", COLUMNS)
def test_a_product_with_a_matrix_and_its_gradient(columns: int) -> None:
    for rows in ROWS:
        _check_regression(rows, columns)


class _Processor:
    """One with vectors of another width, which LLVM puts together from those that are there."""

    def __init__(self, width: int) -> None:
        self.target = Target(width, fused=True)


@pytest.mark.parametrize("columns", (1, 3, 10, 13, 20, 50))
def test_vectors_of_another_width(columns: int, monkeypatch) -> None:
    for width, rows in ((2, 611), (8, 612)):  # no other test has code for these numbers of rows
        monkeypatch.setattr(stages, "machine", lambda width=width: _Processor(width))
        _check_regression(rows, columns)


@pytest.mark.parametrize("columns", (1, 3, 5, 10, 13, 50))
@pytest.mark.parametrize("fn", ["amax", "prod", "sum"])
def test_columns_put_together(fn: str, columns: int) -> None:
    for rows in (7, 30, 613):
        x, scale = _matrix(rows, columns), 1 + 0.01 * _matrix(rows, 1)[:, 0]
        expected = getattr(scale[:, None] * x, fn)(0)
        found = compile(lambda s, x=x: getattr(s[:, None] * x, fn)(0), scale)(scale)
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
