"""Each function keeps its promise, as vector code and as scalar code."""

import pytest
import torch
from mpmath import mp
from torch import Tensor

from pyro.compile.math import FUNCTIONS, Function, TorchBuilder, integer_power, polygamma
from pyro.compile.math.fractional_powers import FRACTIONAL_POWERS
from tests.compile.math.accuracy import grid, same, ulps
from tests.compile.math.cases import CASES, NEGATIVE, Case
from tests.compile.math.native import apply

POINTS, DENSE = 60, 1000
ALL = (*CASES, *NEGATIVE)


def points(case: Case) -> Tensor:
    return torch.cat([grid(low, high, POINTS) for low, high in case.intervals])


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_unary(case: Case) -> None:
    x = points(case)
    got = apply(FUNCTIONS[case.name], x)
    assert ulps(got, case.exact, x, absolute=case.absolute) <= case.ulps


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_unary_on_a_dense_grid(case: Case) -> None:
    x = torch.cat([grid(low, high, DENSE) for low, high in case.intervals])
    got = apply(FUNCTIONS[case.name], x)
    assert ulps(got, case.exact, x, absolute=case.absolute) <= case.ulps


def test_a_wrong_value_is_seen() -> None:
    x = torch.tensor([1.0], dtype=torch.float64)
    assert ulps(torch.nextafter(x.exp(), x), CASES[0].exact, x) > 0.5


def test_fractional_powers_are_the_nearest_numbers() -> None:
    with mp.workprec(200):
        exact = [float(mp.mpf(2) ** (mp.mpf(j) / 64)) for j in range(64)]
    assert list(FRACTIONAL_POWERS) == exact


def test_every_unary_function_has_a_case() -> None:
    unary = {name for name, function in FUNCTIONS.items() if function.arity == 1}
    assert unary == {case.name for case in CASES}


ALONE = [f for f in FUNCTIONS.values() if f.alone is not None]


@pytest.mark.parametrize("function", ALONE, ids=[f.name for f in ALONE])
def test_what_stands_alone_keeps_the_promise_too(function: Function) -> None:
    case = next(c for c in CASES if c.name == function.name)
    x = torch.cat([grid(low, high, 4 * POINTS) for low, high in case.intervals])
    shorter = Function(f"{function.name}_alone", function.alone)
    assert ulps(apply(shorter, x, width=1, fused=True), case.exact, x) <= case.ulps
    edges = torch.tensor([0.0, 1e-310, 1.0, 709.9, 745.2, 1e308, torch.inf, torch.nan]).double()
    edges = torch.cat([edges, -edges])
    expected = apply(function, edges, width=1, fused=True)
    assert same(apply(shorter, edges, width=1, fused=True), expected).all()


PAIRS = {
    "small": (grid(0.1, 3, 200), grid(-5, 5, 200).flip(0)),
    "near one": (grid(0.999, 1.001, 200), grid(-3e5, 3e5, 200).flip(0)),
    "large": (grid(1e100, 1e150, 200), grid(-2, 2, 200).flip(0)),
    "subnormal": (grid(5e-324, 1e-310, 200), grid(-0.9, 0.9, 200).flip(0)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_pow(pair: str) -> None:
    x, y = PAIRS[pair]
    assert ulps(apply(FUNCTIONS["pow"], x, y), mp.power, x, y) <= 2


@pytest.mark.parametrize("pair", PAIRS)
def test_atan2(pair: str) -> None:
    x, y = PAIRS[pair]
    for first, second in ((x, y), (-y, x), (x, -x)):
        assert ulps(apply(FUNCTIONS["atan2"], first, second), mp.atan2, first, second) <= 4


def test_logaddexp() -> None:
    x, y = grid(-40, 40, 300), grid(-7, 7, 300).flip(0)
    got = apply(FUNCTIONS["logaddexp"], x, y)
    exact = lambda x, y: mp.log(mp.exp(x) + mp.exp(y))  # noqa: E731
    assert ulps(got, exact, x, y, absolute=1e-15) <= 3


@pytest.mark.parametrize("name, ulp", [("xlogy", 2), ("xlog1py", 3)])
def test_products(name: str, ulp: float) -> None:
    x, y = grid(-40, 40, 300), grid(0.01, 7, 300).flip(0)
    logarithm = mp.log if name == "xlogy" else mp.log1p
    assert ulps(apply(FUNCTIONS[name], x, y), lambda x, y: x * logarithm(y), x, y) <= ulp


@pytest.mark.parametrize("n", [5, 10])
def test_polygamma_of_high_order(n: int) -> None:
    x = torch.cat([grid(0.01, 1, 50), grid(1, 50, 50), grid(-3, 0, 50)])
    assert ulps(apply(polygamma(n), x), lambda x: mp.polygamma(n, x), x) <= 60


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 7])
def test_integer_power(n: int) -> None:
    x = grid(-3, 3, 101)
    power = Function("power", lambda b, x: integer_power(b, x, n))
    assert ulps(power(TorchBuilder(), x).expand(101), lambda x: x**n, x) <= max(1, abs(n))
