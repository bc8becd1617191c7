"""Stacks of rows of arrays, in any order: compiled is eager, and regular orders cost nothing."""

from __future__ import annotations

import hypothesis.strategies as st
import torch
from hypothesis import given, settings
from torch import Tensor

from pyro.compile import compile
from tests.compile.case import real
from tests.compile.eager import check, with_gradients

pieces = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=12)


@given(pieces=pieces, dim=st.integers(0, 1), turned=st.booleans())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_any_order(pieces: list[tuple[int, int]], dim: int, turned: bool) -> None:
    def fn(a: Tensor, b: Tensor) -> Tensor:
        rows = [a.unbind(0), b.exp().unbind(0)]
        made = torch.stack([rows[which][k] for which, k in pieces], dim)
        joined = torch.cat([a[k : k + 2] if turned else a[k : k + 1] for _, k in pieces], dim)
        return (made.T if turned else made).sin().sum(0).prod() + joined.cos().prod(-1).sum()

    check(with_gradients(fn), [real(7, 3), real(7, 3, seed=1)])


def test_rows_one_after_the_other_are_a_view() -> None:
    def fn(x: Tensor) -> Tensor:
        return torch.stack([x.exp().unbind(0)[k] for k in range(30, 0, -2)]).cumsum(0)

    compiled = compile(fn)
    compiled(real(40, 3))
    assert compiled.report().loops <= 2
