"""What is seen to change, and what is not looked at."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from pyro import poutine
from pyro.infer.autoguide import AutoNormal
from pyro.infer.fit.loops.watch import Unwatchable, Watch

FACTOR = 1.0
DATA = torch.zeros(3)


class Thing:
    """Has all kinds of attributes."""

    shared = 1

    def __init__(self) -> None:
        self.number, self.items = 2, [1, {"a": 3.0}]
        self.inner = SimpleNamespace(x=1)
        self.buffer = torch.zeros(2)

    def method(self) -> None:
        len(DATA)


class Net(nn.Module):
    """Has all that modules have."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
        self.register_buffer("seen", torch.zeros(()))

    def forward(self) -> float:
        return FACTOR


def factor() -> float:
    return inner()


def inner() -> float:
    return FACTOR


def closure() -> tuple[Any, Callable[[], None]]:
    cell = 1.0

    def program() -> float:
        return cell

    def change() -> None:
        nonlocal cell
        cell = 2.0

    return program, change


def _thing(change: Callable[[Thing], Any]) -> tuple[Any, Callable[[], Any]]:
    thing = Thing()
    return thing.method, lambda: change(thing)


def _net(change: Callable[[Net], Any]) -> tuple[Any, Callable[[], Any]]:
    net = Net()
    return net, lambda: change(net)


def _global(name: str, value: Any) -> Callable[[], None]:
    return lambda: globals().__setitem__(name, value)


def _handled() -> tuple[Any, Callable[[], None]]:
    handler = poutine.scale(scale=2.0)
    return handler(inner), lambda: setattr(handler, "scale", 3.0)


CASES: dict[str, Callable[[], tuple[Any, Callable[[], Any]]]] = {
    "variable of a function that is called": lambda: (factor, _global("FACTOR", 2.0)),
    "variable of an enclosing function": closure,
    "tensor": lambda: (Thing().method, lambda: DATA.add_(1.0)),
    "attribute": lambda: _thing(lambda t: setattr(t, "number", 3)),
    "new attribute": lambda: _thing(lambda t: setattr(t, "more", 3)),
    "item": lambda: _thing(lambda t: t.items[1].update(a=4.0)),
    "length": lambda: _thing(lambda t: t.items.append(2)),
    "inner": lambda: _thing(lambda t: setattr(t.buffer, "requires_grad", True)),
    "buffer in place": lambda: _thing(lambda t: t.buffer.zero_()),
    "mode": lambda: _net(lambda n: n.eval()),
    "mode of a layer": lambda: _net(lambda n: n.layer[1].eval()),
    "buffer": lambda: _net(lambda n: n.seen.add_(1)),
    "hook": lambda: _net(lambda n: n.layer.register_forward_hook(lambda *_: None)),
    "frozen": lambda: _net(lambda n: setattr(n, "layer", nn.Identity())),
    "argument": lambda: (functools.partial(inner, [1]), lambda: None),
    "handler": _handled,
}


@pytest.mark.parametrize("name", CASES)
def test_changes_are_seen(name: str) -> None:
    program, change = CASES[name]()
    if name == "argument":
        held = [1]
        program, change = functools.partial(inner, held), lambda: held.append(2)
    try:
        watch = Watch({"model": program})
        assert watch.changed() is None
        change()
        assert watch.changed() is not None
    finally:
        globals()["FACTOR"] = 1.0


def test_equal_numbers_are_the_same_and_libraries_are_not_looked_into() -> None:
    spread = [1e10]

    def program() -> float:
        return float(spread[0]) + torch.pi

    watch = Watch({"model": program})
    spread[0] = float("1e10")
    assert watch.changed() is None


def test_what_guides_change_in_themselves_is_left_out() -> None:
    guide = AutoNormal(poutine.block(inner, expose=[]))
    watch = Watch({"guide": guide})
    guide.extra = 1
    assert watch.changed() is not None
    assert watch.settle() is None and watch.changed() is None


def _prints() -> None:
    print(1)


def test_what_cannot_be_repeated_is_refused() -> None:
    net = Net()
    net.register_forward_pre_hook(lambda *_: None)
    for program, reason in ((_prints, "_prints prints"), (net, "Net has hooks")):
        with pytest.raises(Unwatchable, match=reason):
            Watch({"model": program})
    many = [[k] for k in range(6000)]
    with pytest.raises(Unwatchable, match="too much state"):
        Watch({"model": lambda: many})
