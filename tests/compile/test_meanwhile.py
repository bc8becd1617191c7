"""Something is done while another thread works; errors arrive where results are asked for."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.compile import NotCapturable, program
from pyro.compile.density import compile_on_sight, compile_value_and_grad
from pyro.compile.meanwhile import Once, beside

POINT = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


def exact(x: Tensor) -> Tensor:
    return -(x[0].exp() * x[1:] * x[1:]).sum()


def on_sight(x: Tensor) -> tuple[Tensor, list[Tensor]]:
    scale, loc = x[0], x[1:3].reshape(2, 1)
    return -(scale.exp() * loc * loc).sum(), [scale, loc]


def test_once() -> None:
    calls: list[None] = []

    def fail() -> None:
        calls.append(None)
        raise ValueError("no")

    once = Once(fail)
    once.attempt()
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            once.get()
    assert len(calls) == 1


def test_both_are_done_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10.0)
    assert beside(meeting.wait, meeting.wait) in (0, 1)


def test_the_work_is_done_when_what_is_done_meanwhile_fails() -> None:
    done = []

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        beside(lambda: done.append(None), fail)
    assert done


@pytest.mark.parametrize("long", [False, True])
def test_a_function_that_shows_what_it_takes(long: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyro.compile.density.LONG", 0.0 if long else torch.inf)
    described = exact, lambda: (POINT, exact(POINT))
    density = compile_on_sight(on_sight, torch.full((50,), 0.1).double(), lambda: described)
    twin = compile_value_and_grad(exact, torch.zeros(3, dtype=torch.float64))
    assert density.dim == 3
    for found, right in zip(density.value_and_grad(POINT), twin.value_and_grad(POINT), strict=True):
        torch.testing.assert_close(found, right)


@pytest.mark.parametrize("long", [False, True])
def test_another_function_is_noticed(long: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyro.compile.density.LONG", 0.0 if long else torch.inf)

    def other(x: Tensor) -> Tensor:
        return 2.0 * exact(x)

    described = other, lambda: (POINT, other(POINT))
    with pytest.raises(NotCapturable, match="differ"):
        compile_on_sight(on_sight, torch.full((50,), 0.1).double(), lambda: described)


def test_the_function_is_described_while_llvm_works(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(2, timeout=10.0)
    assembled = program.assemble

    def assemble(*args: Any) -> bytes:
        meeting.wait()
        return assembled(*args)

    def described() -> Any:
        meeting.wait()
        return (lambda x: 7.25 * exact(x)), lambda: (POINT, 7.25 * exact(POINT))

    def scaled(x: Tensor) -> tuple[Tensor, list[Tensor]]:
        value, parts = on_sight(x)
        return 7.25 * value, parts

    monkeypatch.setattr(program, "assemble", assemble)
    monkeypatch.setattr("pyro.compile.switch.CACHE", False)
    density = compile_on_sight(scaled, torch.full((50,), 0.1).double(), described)
    assert density.report().seconds["meanwhile"] >= 0


def test_branches_of_a_library_are_for_the_other_way() -> None:
    def branching(x: Tensor) -> tuple[Tensor, list[Tensor]]:
        loc, scale = x[0], x[1]
        law = dist.VonMises(loc, scale.exp(), validate_args=False)
        return law.log_prob(torch.tensor(0.3)), [loc, scale]

    start = torch.full((50,), 0.1, dtype=torch.float64)
    with pytest.raises(NotCapturable, match="a branch of a library"):
        compile_on_sight(branching, start, lambda: (exact, lambda: (POINT, POINT[0])))


def test_a_function_of_nothing() -> None:
    with pytest.raises(NotCapturable, match="takes nothing"):
        compile_on_sight(
            lambda x: (x.new_zeros(()), []), POINT, lambda: (exact, lambda: (POINT, POINT[0]))
        )
