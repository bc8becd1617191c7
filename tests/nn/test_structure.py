"""Trees of modules: containers, sharing, conversion, classes."""

from __future__ import annotations

import abc
from typing import Generic, TypeVar

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro.errors import SiteError
from pyro.nn import PyroModule, PyroModuleList, PyroSample
from pyro.nn.module import to_pyro_module_
from tests.nn.small_modules import LOCAL, Scaled, sites

T = TypeVar("T")


@LOCAL
def test_lists_and_sequences(local: bool) -> None:
    class Stack(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.rows = PyroModuleList([PyroModule[nn.Linear](1, 1, bias=False) for _ in range(3)])
            self.rows.append(nn.Linear(1, 1, bias=False))
            self.table = PyroModule[nn.ModuleDict]({"x": nn.Linear(1, 1, bias=False)})
            self.seq = PyroModule[nn.Sequential](nn.Linear(1, 1, bias=False), nn.Tanh())

        def forward(self, x: Tensor) -> Tensor:
            for row in self.rows[1:]:
                x = row(x)
            return self.seq(self.table["x"](x)) + self.rows[-1](self.rows[0](x))

    with pyro.settings.context(module_local_params=local):
        module = Stack()
        assert type(module.rows[1:]) is PyroModuleList and type(module.seq[:1]) is type(module.seq)
        assert sorted(set(sites(module, torch.ones(1)))) == [
            "rows.0.weight",
            "rows.1.weight",
            "rows.2.weight",
            "rows.3$$$weight",
            "seq.0$$$weight",
            "table.x$$$weight",
        ]
        values = [row.weight.item() for row in module.rows]
        module.rows.insert(1, PyroModule[nn.Linear](1, 1, bias=False))
        del module.rows[0]
        with torch.no_grad():
            module(torch.ones(1))
        assert [row._pyro_name for row in module.rows[:3]] == ["rows.0", "rows.1", "rows.2"]
        assert [row.weight.item() for row in module.rows[1:]] == values[1:]


def test_a_module_of_two_trees_keeps_its_first_name_and_takes_part_in_both() -> None:
    class Owner(PyroModule):
        def __init__(self, shared: nn.Module) -> None:
            super().__init__()
            self.shared = shared
            self.again = shared

        def forward(self) -> Tensor:
            return self.shared.weight + self.again(torch.ones(1))

    shared = PyroModule[nn.Linear](1, 1)
    shared.bias = PyroSample(dist.Normal(torch.zeros(1), 1.0).to_event(1))
    shared(torch.ones(1))  # used alone before it is attached
    first, second = Owner(shared), PyroModule()
    second.other = shared
    second.forward = lambda: second.other.weight + second.other(torch.ones(1))
    for module in (first, second):
        assert sites(module) == ["shared.weight"] and sites(module, kind="sample") == [
            "shared.bias"
        ]
    del first
    third = PyroModule()
    third.moved = shared
    assert shared._pyro_name == "moved"


def test_a_tree_may_be_built_from_below() -> None:
    inner = PyroModuleList([PyroModule[nn.Linear](1, 1)])
    middle = PyroModule()
    middle.inner = inner
    plain = nn.Sequential(middle)
    outer = PyroModule()
    outer.plain = plain
    assert inner[0]._pyro_name == "plain.0.inner.0"
    assert outer._pyro_context is inner[0]._pyro_context


def test_one_class_per_class() -> None:
    assert PyroModule[nn.Linear] is PyroModule[nn.Linear]
    assert PyroModule[nn.Module] is PyroModule and PyroModule[PyroModule] is PyroModule
    assert PyroModule[Scaled] is Scaled and PyroModule[nn.ModuleList] is PyroModuleList
    assert issubclass(PyroModule[nn.Linear], nn.Linear) and PyroModule[nn.Linear].__name__ == (
        "PyroLinear"
    )
    for wrong in (int, "Linear", nn.Linear(1, 1)):
        with pytest.raises(SiteError, match="subclass of"):
            PyroModule[wrong]  # type: ignore[misc,type-var]


def test_classes_with_a_type_of_their_own() -> None:
    class Abstract(nn.Module, abc.ABC):
        @abc.abstractmethod
        def forward(self) -> Tensor: ...

    class Concrete(Abstract):
        def forward(self) -> Tensor:
            return torch.ones(1)

    class Box(PyroModule, Generic[T]):
        pass

    assert PyroModule[Concrete]()().item() == 1.0
    with pytest.raises(TypeError, match="abstract"):
        PyroModule[Abstract]()
    assert isinstance(Box[int](), Box)


def test_converting_keeps_values_and_optimisers() -> None:
    net = nn.Sequential(nn.Linear(1, 2), nn.ModuleList([nn.GRU(1, 1)]))
    leaves = list(net.parameters())
    to_pyro_module_(net)
    assert all(isinstance(m, PyroModule) for m in net.modules())
    assert [id(p) for p in leaves] == [id(p) for p in net.parameters()]
    assert net[1][0]._pyro_name == "1.0"
    flat = nn.Sequential(nn.Linear(1, 1))
    to_pyro_module_(flat, recurse=False)
    assert type(flat[0]) is nn.Linear
    with pytest.raises(SiteError, match="expected an instance"):
        to_pyro_module_(nn.Linear)  # type: ignore[arg-type]
