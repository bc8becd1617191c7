"""At infinities, zeros, poles and nan the functions are torch's."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.compile.math import FUNCTIONS
from tests.compile.math.accuracy import same
from tests.compile.math.native import apply

MAGNITUDES = [0.0, 5e-324, 1e-310, 1e-20, 0.5, 1.0, 2.0, 3.0, 50.0, 710.0, 745.2, 1024.0, 1e308]
EDGES = torch.tensor([*MAGNITUDES, float("inf"), float("nan")], dtype=torch.float64)

Meaning = Callable[[Tensor], Tensor]
OWN_NAMES: dict[str, Meaning] = {
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    "log_sigmoid": torch.nn.functional.logsigmoid,
    "log1p_of_positive": torch.log1p,
    "log1p_of_fraction": torch.log1p,
    "trigamma": lambda x: torch.polygamma(1, x),
    "polygamma2": lambda x: torch.polygamma(2, x),
    "polygamma3": lambda x: torch.polygamma(3, x),
}
# Where torch's value is not the limit, or has fewer digits, or a function is not meant to be used:
# the arguments that are left out.
BEYOND_TORCH: dict[str, Callable[[Tensor], Tensor]] = {
    "log1p_of_positive": lambda x: x.signbit(),
    "log1p_of_fraction": lambda x: x.signbit() | (x > 1),
    "trigamma": lambda x: x < 0,
    "polygamma2": lambda x: x.isinf(),
    "polygamma3": lambda x: x.isinf(),
    "i0": lambda x: x.isinf(),
    "i1": lambda x: x.isinf() | (x == 0),
    "i1e": lambda x: x == 0,
    "sinc": lambda x: x.abs() > 0.5,
}
RTOL = {"trigamma": 1e-8, "polygamma2": 1e-8, "polygamma3": 1e-8}
# torch gives up accuracy where the value is subnormal.
TORCH_UNDERFLOWS = 2.0**-1022


def meaning(name: str) -> Meaning:
    own: Meaning | None = OWN_NAMES.get(name, getattr(torch, name, None))
    return own or getattr(torch.special, name)


@pytest.mark.parametrize("name", [f.name for f in FUNCTIONS.values() if f.arity == 1])
def test_unary(name: str) -> None:
    x = torch.cat([EDGES, -EDGES])
    if name in BEYOND_TORCH:
        x = x[~BEYOND_TORCH[name](x)]
    got, expected = apply(FUNCTIONS[name], x), meaning(name)(x)
    small = (expected.abs() < TORCH_UNDERFLOWS) & (got.abs() < TORCH_UNDERFLOWS)
    signs = got.signbit() == expected.signbit()
    agree = same(got, expected, RTOL.get(name, 1e-13)) | (small & signs)
    assert agree.all(), list(zip(x[~agree], got[~agree], expected[~agree], strict=True))


@pytest.mark.parametrize("name", [f.name for f in FUNCTIONS.values() if f.arity == 2])
def test_binary(name: str) -> None:
    edges = torch.cat([EDGES, -EDGES])
    x, y = (t.reshape(-1).contiguous() for t in torch.meshgrid(edges, edges, indexing="ij"))
    got, expected = apply(FUNCTIONS[name], x, y), meaning(name)(x, y)
    agree = same(got, expected)
    assert agree.all(), list(zip(x[~agree], y[~agree], got[~agree], expected[~agree], strict=True))


def test_poles() -> None:
    poles = torch.tensor([-1.0, -2.0, -710.0, float("-inf")], dtype=torch.float64)
    assert apply(FUNCTIONS["lgamma"], poles).eq(float("inf")).all()
    assert apply(FUNCTIONS["trigamma"], poles[:3]).eq(float("inf")).all()
    assert apply(FUNCTIONS["digamma"], poles).isnan().all()
