"""Stacks of tensors that come again."""

from __future__ import annotations

import pytest
import torch

from pyro.ops.stacking import Rows, stack_rows


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


@pytest.mark.parametrize("period", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 5, 6, 7])
@pytest.mark.parametrize("start", [0, 2])
def test_rows_of_stacks_are_taken_in_turns(period: int, count: int, start: int) -> None:
    rows = Rows()
    stacks = [torch.randn(10, 4, *(1,) * k) for k in range(period)]
    parts = [rows.of(s.requires_grad_()) for s in stacks]
    chosen = [parts[t % period][start + t // period] for t in range(count)]
    found = rows.stacked(chosen, (4,))
    if 1 < count <= period:  # nothing is saved
        assert found is None
        return
    assert found is not None
    assert torch.equal(found, torch.stack([t.reshape(4) for t in chosen]))
    weights = torch.randn(count, 4)
    used = stacks[: min(period, count)]
    given = torch.autograd.grad((found * weights).sum(), used)
    by_rows = torch.stack([t.reshape(4) for t in chosen])
    for a, b in zip(given, torch.autograd.grad((by_rows * weights).sum(), used), strict=True):
        assert torch.equal(a, b)


def test_a_row_alone() -> None:
    rows, stack = Rows(), torch.randn(4, 2, requires_grad=True)
    parts = rows.of(stack)
    assert torch.equal(rows.row(parts[2]), parts[2])
    (gradient,) = torch.autograd.grad(rows.row(parts[2]).sum(), stack)
    assert torch.equal(gradient.sum(-1), torch.tensor([0.0, 0.0, 2.0, 0.0]))
    other = torch.zeros(2)
    assert rows.row(other) is other


def test_other_tensors_are_no_rows() -> None:
    rows, a = Rows(), torch.randn(6, 2)
    parts = rows.of(a)
    assert rows.stacked([parts[1], parts[0]]) is None
    assert rows.stacked([parts[0], parts[0]]) is None
    assert rows.stacked([parts[0], torch.zeros(2)]) is None
    assert rows.stacked([parts[0], parts[2], parts[4]]) is None
    assert rows.stacked([torch.zeros(2)]) is None
    assert rows.stacked([parts[0], parts[3], parts[1], parts[4], parts[2]]) is not None


@pytest.mark.parametrize("period", [1, 2])
def test_rows_may_be_transposed(period: int) -> None:
    rows = Rows()
    parts = [rows.of(torch.randn(5, 3, 3, *(1,) * k)) for k in range(period)]
    chosen = [parts[t % period][t // period] for t in range(5)]
    turned = [t % period == 1 for t in range(5)]
    found = rows.stacked(chosen, (3, 3), turned)
    assert found is not None
    square = [x.reshape(3, 3) for x in chosen]
    expected = [x.mT if turn else x for x, turn in zip(square, turned, strict=True)]
    assert torch.equal(found, torch.stack(expected))
    assert rows.stacked(chosen, (3, 3), [not turned[0], *turned[1:]]) is None
