"""The operations of the table on the sample inputs that torch tests itself with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils import _pytree as pytree

from pyro.compile import compile
from pyro.compile.table import ROWS

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
# Torch's own functions are not more accurate.
ROUGH = {"polygamma": 5e-10, "special.polygamma": 5e-10, "digamma": 5e-10, "special.zeta": 1e-9}
SKIPPED = {
    "sparse.mm": "sparse matrices have no storage",
    "empty": "returns whatever is in memory",
    "empty_like": "returns whatever is in memory",
    "new_empty": "returns whatever is in memory",
    "new_empty_strided": "returns whatever is in memory",
    "nn.functional.embedding": "writes into an input: it renormalises the table",
    "index_put": "has masks as indices, on which a shape depends",
}
# No vector form, so torch executes them: rows that answer only some arguments, or types.
CALLED_OUT = {
    "logaddexp2",
    "polygamma",
    "special.polygamma",
    "special.zeta",
    "special.bessel_j0",
    "special.bessel_j1",
    "special.bessel_y0",
    "special.bessel_y1",
    "special.modified_bessel_k0",
    "special.modified_bessel_k1",
    "special.scaled_modified_bessel_k0",
    "special.scaled_modified_bessel_k1",
    "scatter_reduce",
}
QUICK = ("add", "div", "clamp", "cumsum", "scatter_add", "logsumexp", "tril", "repeat", "bmm")
DTYPES = (torch.float64, torch.float32, torch.int64, torch.bool)
SAMPLES = 40


def names(op: Any) -> set[str]:
    short = op.name.split(".")[-1]
    return {op.name.replace(".", "_"), op.aten_name, short, f"linalg_{short}"}


OPS = [op for op in op_db if names(op) & set(ROWS) and op.name not in SKIPPED]


def samples_of(op: Any, dtype: torch.dtype) -> list[tuple[Any, ...]]:
    """Arguments that torch accepts."""
    found = []
    for sample in list(op.sample_inputs("cpu", dtype, requires_grad=False))[:SAMPLES]:
        call = (sample.input, sample.args, sample.kwargs)
        try:
            first, rest, named = fresh(call)
            op(first, *rest, **named)
        except RuntimeError:
            continue
        found.append(call)
    return found


def fresh(call: Any) -> Any:
    return pytree.tree_map(lambda x: x.detach().clone() if isinstance(x, Tensor) else x, call)


def all_calls(op: Any) -> Callable[..., list[Any]]:
    return lambda calls: [op(first, *rest, **named) for first, rest, named in calls]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "op",
    [
        pytest.param(
            op,
            id=f"{op.name}-{op.variant_test_name}".strip("-"),
            marks=() if op.name in QUICK else pytest.mark.slow,
        )
        for op in OPS
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_sample_inputs(op: Any, dtype: torch.dtype) -> None:
    """All samples of an operation are one program."""
    if not op.supports_dtype(dtype, "cpu"):
        pytest.skip("torch has none for this type")
    calls = samples_of(op, dtype)
    run = all_calls(op)
    compiled = compile(run, verify=False)
    found = compiled(fresh(calls))
    assert compiled.reason is None
    for a, b in zip(pytree.tree_leaves(found), pytree.tree_leaves(run(fresh(calls))), strict=True):
        if isinstance(b, Tensor):
            tolerance = max(TOLERANCE.get(b.dtype, 0), ROUGH.get(op.name, 0))
            torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    if op.name not in CALLED_OUT and dtype is not torch.bool:
        assert compiled.report().called_out == ()


def test_what_is_excepted_exists() -> None:
    known = {op.name for op in op_db}
    assert set(SKIPPED) | CALLED_OUT | set(QUICK) <= known
    assert len(OPS) > 150
