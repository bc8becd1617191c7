"""Every row of the table: machine code does what torch does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pyro.compile import compile
from tests.compile.case import Case
from tests.compile.programs import CASES


def assert_same(found: object, expected: object, tolerance: float = 1e-12) -> None:
    flat, expected_flat = pytree.tree_leaves(found), pytree.tree_leaves(expected)
    assert len(flat) == len(expected_flat)
    for a, b in zip(flat, expected_flat, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        limit = {torch.float64: tolerance, torch.float32: 1e-5}.get(b.dtype, 0.0)
        torch.testing.assert_close(a, b.detach(), rtol=limit, atol=limit, equal_nan=True)


def with_gradients(case: Case):
    """The program with the gradient of a weighted sum of its results."""

    def run(*inputs: Tensor) -> object:
        if not case.gradient:
            return case.fn(*inputs)
        variables = [x.detach().requires_grad_() for x in inputs]
        found = case.fn(*variables)
        total = sum(
            (t * torch.linspace(0.5, 1.5, max(1, t.numel())).to(t.dtype).reshape(t.shape)).sum()
            if t.numel()
            else t.sum()
            for t in pytree.tree_leaves(found)
        )
        return found, torch.autograd.grad(total, variables)

    return run


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_equals_torch(case):
    run = with_gradients(case)
    f = compile(run, *case.inputs, verify=False)
    assert f.reason is None
    assert_same(f(*case.inputs), run(*case.inputs), case.tolerance)
