"""Each function keeps its promise, as vector code and as scalar code."""

import pytest
import torch
from torch import Tensor

from pyro.compile.math import FUNCTIONS
from tests.compile.math.accuracy import grid, ulps
from tests.compile.math.cases import CASES, Case
from tests.compile.math.native import apply

POINTS = 120


def points(case: Case) -> Tensor:
    return torch.cat([grid(low, high, POINTS) for low, high in case.intervals])


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_unary(case: Case) -> None:
    x = points(case)
    got = apply(FUNCTIONS[case.name], x)
    assert ulps(got, case.exact, x, absolute=case.absolute) <= case.ulps


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_unary_on_a_dense_grid(case: Case) -> None:
    x = torch.cat([grid(low, high, 5000) for low, high in case.intervals])
    got = apply(FUNCTIONS[case.name], x)
    assert ulps(got, case.exact, x, absolute=case.absolute) <= case.ulps


def test_a_wrong_value_is_seen() -> None:
    x = torch.tensor([1.0], dtype=torch.float64)
    assert ulps(torch.nextafter(x.exp(), x), CASES[0].exact, x) > 0.5


def test_every_unary_function_has_a_case() -> None:
    unary = {name for name, function in FUNCTIONS.items() if function.arity == 1}
    assert unary == {case.name for case in CASES}
