"""Stacks of tensors that come again."""

from __future__ import annotations

import pytest
import torch

from pyro.ops.stacking import stack_rows


@pytest.mark.parametrize(
    "order",
    [[0], [0, 0, 0], [0, 1, 2], [0, 0, 1, 1, 2], [0, 1] * 6, [0, 1, 2, 2, 1, 0, 1, 2, 1, 0, 2]],
    ids=str,
)
def test_stack(order: list[int]) -> None:
    rows = [torch.randn(2, 3, requires_grad=True) for _ in range(3)]
    weights = torch.randn(len(order), 2, 3)
    found, expected = (stack([rows[k] for k in order]) for stack in (stack_rows, torch.stack))
    assert torch.equal(found, expected)
    used = [rows[k] for k in dict.fromkeys(order)]
    gradients = [torch.autograd.grad((s * weights).sum(), used) for s in (found, expected)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)
