"""Programs of the table at nan, infinities, zeros of both signs and numbers near the limits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.compile import compile
from tests.compile.case import Case
from tests.compile.programs import CASES

INF, NAN = torch.inf, torch.nan
EDGES = torch.tensor(
    [NAN, INF, -INF, 0.0, -0.0, 1e150, -1e150, 1e-300, 2.0**-1022, 1.0, -1.0], dtype=torch.float64
)
NOT_COMPARED = {
    "matmul": "terms of 1e150 that cancel are added in another order",
    "cholesky_inverse": "torch solves other systems with a factor that is not finite",
}


def at_edges(x: Tensor, turn: int) -> Tensor:
    """Some elements are replaced."""
    if not x.is_floating_point():
        return x
    places = torch.arange(x.numel()) + 3 * turn
    chosen = EDGES[places % len(EDGES)].to(x.dtype).reshape(x.shape)
    return torch.where((places.reshape(x.shape) + turn) % 3 == 0, chosen, x)


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=() if k % 5 == 0 else pytest.mark.slow) for k, c in enumerate(CASES)],
    ids=[c.name for c in CASES],
)
def test_equals_torch(case: Case) -> None:
    if case.name in NOT_COMPARED:
        pytest.skip(NOT_COMPARED[case.name])
    f = compile(case.fn, verify=False)
    for turn in range(2):
        inputs = [at_edges(x, turn) for x in case.inputs]
        try:
            expected = case.fn(*inputs)
        except (RuntimeError, IndexError) as error:
            pytest.skip(f"torch raises {type(error).__name__}")
        found = f(*inputs)
        assert f.reason is None
        for a, b in zip(pytree.tree_leaves(found), pytree.tree_leaves(expected), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9, equal_nan=True)
