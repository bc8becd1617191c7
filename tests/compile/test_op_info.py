"""The operations of the table on the sample inputs that torch tests itself with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.compile import compile
from pyro.compile.table import ROWS

TOLERANCE = {
    torch.float64: 1e-10,
    torch.float32: 1e-5,
    torch.float16: 5e-3,
    torch.bfloat16: 5e-2,
}
# Torch's own functions are less accurate, by this factor; near poles in float32.
ROUGH = {"polygamma": 10, "special.polygamma": 10, "digamma": 10, "special.zeta": 10}
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
    "scatter_reduce",
    "linalg.lu_factor_ex",  # rectangular matrices, and factors without pivots
}
# Made of other operations, which have rows.
DECOMPOSED = ("linalg_det", "linalg_slogdet", "linalg_solve", "linalg_inv", "logdet")
NAMES = {*ROWS, *DECOMPOSED}
QUICK = ("add", "div", "clamp", "cumsum", "scatter_add", "logsumexp", "tril", "repeat", "bmm")
DTYPES = (torch.float64, torch.float32, torch.int64, torch.bool)
HALF = (torch.float16, torch.bfloat16)
NARROW = (torch.int32, torch.int16, torch.int8, torch.uint8, *HALF)
# Where torch's result is less exact than the code's, which is computed in double precision.
IN_BETWEEN = {
    **dict.fromkeys([(name, d) for name in ("addbmm", "div") for d in HALF], "rounds in between"),
    ("logsumexp", torch.int32): "computes numbers near 2**31 in float32",
    **{
        (name, d): "misses poles in float32"
        for name in ("polygamma", "special_polygamma")
        for d in (torch.int16, torch.int8)
    },
}
SAMPLES = 40


def names(op: Any) -> set[str]:
    """Rows that an operation of torch's tests may be."""
    short = op.name.split(".")[-1]
    return {op.name.replace(".", "_"), op.aten_name, short, f"linalg_{short}"}


@functools.cache
def operations() -> dict[str, list[Any]]:
    """The operations of each row; imported late, for it takes long."""
    from torch.testing._internal.common_methods_invocations import op_db  # noqa: PLC0415

    found: dict[str, list[Any]] = {}
    for op in op_db:
        for name in names(op) & NAMES if op.name not in SKIPPED else ():
            found.setdefault(name, []).append(op)
    return found


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


def compare(op: Any, dtype: torch.dtype) -> None:
    """All samples of an operation are one program."""
    calls = samples_of(op, dtype)
    run = all_calls(op)
    compiled = compile(run, verify=False)
    found = compiled(fresh(calls))
    assert compiled.reason is None
    for a, b in zip(pytree.tree_leaves(found), pytree.tree_leaves(run(fresh(calls))), strict=True):
        if isinstance(b, Tensor):
            tolerance = TOLERANCE.get(b.dtype, 0) * ROUGH.get(op.name, 1)
            torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    if op.name not in CALLED_OUT and dtype is not torch.bool:
        assert compiled.report().called_out == ()


@pytest.mark.parametrize(
    "dtype",
    [*DTYPES, *(pytest.param(d, marks=pytest.mark.slow) for d in NARROW)],
    ids=str,
)
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in sorted(NAMES)],
)
@pytest.mark.filterwarnings("ignore")
def test_sample_inputs(name: str, dtype: torch.dtype) -> None:
    found = [op for op in operations().get(name, []) if op.supports_dtype(dtype, "cpu")]
    if not found:
        pytest.skip("torch has no samples")
    if (name, dtype) in IN_BETWEEN:
        pytest.skip(f"torch {IN_BETWEEN[name, dtype]}")
    for op in found:
        compare(op, dtype)


@pytest.mark.slow
def test_most_rows_have_samples() -> None:
    covered = operations()
    assert len(covered) > 150
    known = {op.name for found in covered.values() for op in found}
    assert known >= CALLED_OUT
    assert set(QUICK) <= set(covered)
