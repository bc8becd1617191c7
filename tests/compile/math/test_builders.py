"""The same function means the same whatever builds it."""

from itertools import count

import pytest
import torch
from torch import Tensor

from pyro.compile.math import FUNCTIONS, Function, LlvmBuilder, LlvmModule, TorchBuilder, emit
from tests.compile.math.accuracy import grid, same
from tests.compile.math.native import apply

EXTREMES = [0.0, 5e-324, 1e-310, 1e-300, 1e-20, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 30.0, 710.0, 1e5]
SIGNED = [*EXTREMES, 1e20, 1e308, float("inf"), float("nan")]
UNARY = [function for function in FUNCTIONS.values() if function.arity == 1]
CALLING_LIBM = {"sin", "cos", "tan"}
# torch's square root is not always the nearest number.
WITH_ROOTS = {"asin", "acos", "asinh", "acosh", "erfinv", "ndtri", "i0", "i0e", "i1", "i1e"}
NAMES = [function.name for function in UNARY]


def arguments() -> Tensor:
    edges = torch.tensor(SIGNED, dtype=torch.float64)
    return torch.cat([edges, -edges, grid(-40, 40, 101), grid(-1, 1, 51)])


@pytest.mark.parametrize("function", UNARY, ids=NAMES)
def test_interpreted_and_compiled_agree_in_every_bit(function: Function) -> None:
    x = arguments()
    if function.name in CALLING_LIBM:
        x = x[~(x.abs() >= 2.0**30)]
    compiled = apply(function, x, width=1, fused=False)
    rtol = 1e-15 if function.name in WITH_ROOTS else 0.0
    assert same(compiled, function(TorchBuilder(), x), rtol).all()


@pytest.mark.parametrize("width", [1, 2, 8])
@pytest.mark.parametrize("function", UNARY, ids=NAMES)
def test_lanes_do_not_matter(function: Function, width: int) -> None:
    x = arguments()
    a, b = apply(function, x), apply(function, x, width=width)
    assert ((a == b) | (a.isnan() & b.isnan())).all()


@pytest.mark.parametrize("function", UNARY, ids=NAMES)
def test_branches_do_not_matter(function: Function) -> None:
    x = arguments()
    a, b = apply(function, x, inline=True), apply(function, x, inline=False)
    assert ((a == b) | (a.isnan() & b.isnan())).all()


def test_a_definition_is_emitted_once() -> None:
    module = LlvmModule()
    b = LlvmBuilder([], 4, count(), module)
    emit(b, FUNCTIONS["softplus"], emit(b, FUNCTIONS["softplus"], "%x"))
    assert len(b.lines) == 2
    assert module.text().count("define internal") == 1


def test_inline_is_a_choice() -> None:
    module = LlvmModule()
    b = LlvmBuilder([], 4, count(), module)
    emit(b, FUNCTIONS["softplus"], "%x", inline=True)
    assert len(b.lines) == FUNCTIONS["softplus"].flops
    assert "define" not in module.text()


def test_costs_are_in_order() -> None:
    assert FUNCTIONS["exp"].flops < FUNCTIONS["softplus"].flops < 200
