"""Torch's optimisers without their marks: the same ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import StepLR

from pyro.optim import unmarked

CASES: dict[str, tuple[type[Optimizer], dict[str, Any]]] = {
    "Adam": (torch.optim.Adam, {"lr": 0.1}),
    "Adam, fused": (torch.optim.Adam, {"lr": 0.1, "fused": True}),
    "AdamW": (torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.1}),
    "SGD": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "RMSprop": (torch.optim.RMSprop, {"lr": 0.1, "foreach": True}),
    "Adagrad": (torch.optim.Adagrad, {"lr": 0.1}),
    "Adadelta": (torch.optim.Adadelta, {}),
    "NAdam": (torch.optim.NAdam, {"lr": 0.1}),
    "Rprop": (torch.optim.Rprop, {}),
    "SparseAdam": (torch.optim.SparseAdam, {}),
}


@contextmanager
def without_compiler() -> Iterator[None]:
    """As in a program that has not imported torch's compiler."""
    hidden = sys.modules.pop("torch._dynamo", None)
    try:
        yield
        assert "torch._dynamo" not in sys.modules
    finally:
        if hidden is not None:
            sys.modules["torch._dynamo"] = hidden


def steps(optimizer: Optimizer, x: Tensor, step: Callable[[], Any]) -> None:
    for k in range(1, 4):
        x.grad = torch.linspace(-k, k, 5)
        if isinstance(optimizer, torch.optim.SparseAdam):
            x.grad = x.grad.to_sparse()
        step()


@pytest.mark.parametrize("name", CASES)
def test_the_same_updates_and_state(name: str) -> None:
    kind, options = CASES[name]
    x, y = (torch.ones(5, requires_grad=True) for _ in range(2))
    plain = kind([x], **options)
    steps(plain, x, plain.step)
    with without_compiler():
        other = unmarked.make(kind, [y], **options)
        steps(other, y, lambda: unmarked.step(other))
    assert type(other) is kind and vars(other).keys() - {"_opt_called"} == vars(plain).keys()
    torch.testing.assert_close(y, x, rtol=0, atol=0)
    torch.testing.assert_close(other.state_dict(), plain.state_dict(), rtol=0, atol=0)


def test_hooks_and_schedules_see_the_steps() -> None:
    x = torch.ones(5, requires_grad=True)
    with without_compiler():
        optimizer = unmarked.make(torch.optim.SGD, [x], lr=1.0)
        schedule = StepLR(optimizer, step_size=1, gamma=0.5)
        steps(optimizer, x, lambda: unmarked.step(optimizer))
    schedule.step()  # would warn, were there no step before
    assert optimizer.param_groups[0]["lr"] == 0.5
    seen: list[int] = []
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    steps(optimizer, x, lambda: unmarked.step(optimizer))
    assert len(seen) == 3


def test_arguments_are_checked_and_more_parameters_can_follow() -> None:
    x, y = (torch.ones(2, requires_grad=True) for _ in range(2))
    with without_compiler():
        with pytest.raises(ValueError, match="Invalid learning rate"):
            unmarked.make(torch.optim.Adam, [x], lr=-1.0)
        optimizer = unmarked.make(torch.optim.Adam, [x])
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": [x]})
    optimizer.add_param_group({"params": [y]})
    assert len(optimizer.param_groups) == 2


class Loud(torch.optim.SGD):
    """An optimiser of a user's."""

    steps = 0

    def step(self, closure: Any = None) -> Any:
        self.steps += 1
        return super().step(closure)


def test_those_of_users_are_left_alone() -> None:
    x = torch.ones(5, requires_grad=True)
    optimizer = unmarked.make(Loud, [x], lr=1.0)
    steps(optimizer, x, lambda: unmarked.step(optimizer))
    assert isinstance(optimizer, Loud) and optimizer.steps == 3
