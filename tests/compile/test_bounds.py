"""Bounds of elements hold for every argument, and choose the cheapest logarithm."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.compile import compile
from pyro.compile.bounds import ANY, bounds_of
from pyro.compile.graph import Graph
from pyro.compile.ir import Kind, View

X = torch.tensor(
    [-1e308, -800.0, -2.0, -1e-310, -0.0, 0.0, 1e-310, 1e-17, 0.3, 1.0, 5.0, 700.0, 1e308],
    dtype=torch.float64,
)
SPECIAL = torch.tensor([float("inf"), float("-inf"), float("nan")], dtype=torch.float64)
EVERY = torch.cat([X, SPECIAL])

Program = Callable[[Tensor], Tensor]
ARGUMENTS: dict[str, Program] = {
    "abs": torch.abs,
    "neg": torch.neg,
    "exp": torch.exp,
    "exp2": torch.exp2,
    "sqrt": torch.sqrt,
    "sigmoid": torch.sigmoid,
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_bounds_hold(name: str) -> None:
    graph = Graph()
    x = graph.input(0, (len(EVERY),), Kind.F)
    for inner, given in ((x, EVERY), (graph.map("neg", graph.map("abs", x)), -EVERY.abs())):
        low, high = bounds_of(graph.map(name, inner).node)
        values = ARGUMENTS[name](given)
        assert ((low <= values) & (values <= high) | values.isnan()).all()


def _square(graph: Graph, x: View) -> View:
    return graph.map("mul", x, x)


def test_bounds_of_combinations() -> None:
    graph = Graph()
    x, y = (graph.input(k, (3,), Kind.F) for k in range(2))
    square, one = _square(graph, x), graph.full((3,), 1.0, Kind.F)
    assert bounds_of(graph.map("mul", x, y).node) == ANY
    assert bounds_of(square.node) == (0.0, float("inf"))
    assert bounds_of(graph.map("add", square, one).node).low == 0.0
    assert bounds_of(graph.map("sub", square, one).node) == ANY
    assert bounds_of(graph.map("minimum", square, one).node) == (0.0, 1.0)
    assert bounds_of(graph.map("maximum", x, one).node) == (1.0, float("inf"))


LOGARITHMS: dict[str, tuple[Program, str]] = {
    "of any": (lambda x: torch.log1p(x), "log1p("),
    "of a square": (lambda x: torch.log1p(x * x), "log1p_of_positive("),
    "of an exponential": (lambda x: torch.log1p(x.exp()), "log1p_of_positive("),
    "of a fraction": (lambda x: torch.log1p((-x.abs()).exp()), "log1p_of_fraction("),
    "of a softplus": (lambda x: torch.nn.functional.softplus(x), "log1p_of_fraction("),
}


@pytest.mark.parametrize("name", LOGARITHMS)
def test_logarithms_take_what_is_known_into_account(name: str) -> None:
    fn, expected = LOGARITHMS[name]
    program = compile(fn, EVERY)
    assert expected in program.explain()
    for x in (EVERY, EVERY.flip(0), X):
        program_of_size = program if x.shape == EVERY.shape else compile(fn, x)
        torch.testing.assert_close(
            program_of_size(x), fn(x), rtol=1e-13, atol=1e-300, equal_nan=True
        )
