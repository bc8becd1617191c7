"""Declaring, assigning, deleting and reading attributes; what is refused, and how."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.errors import ParamConstraintError, SiteError
from pyro.infer import SVI
from pyro.nn import PyroModule, PyroParam, PyroSample
from pyro.nn.module import clear
from pyro.nn.nested import get_nested, set_nested
from tests.nn.small_modules import LOCAL, Scaled, sites


def test_a_decorated_parameter_that_needs_later_attributes_is_made_when_read() -> None:
    class Late(PyroModule):
        @PyroParam
        def x(self) -> Tensor:
            return torch.zeros(self.size)

        def forward(self) -> Tensor:
            return self.x

    late = Late()
    with pytest.raises(SiteError, match=r"'x' of Late cannot be made.*size"):
        late()
    late.load_state_dict({"x_unconstrained": torch.ones(3)}, strict=False)
    late.size = 3
    assert late().shape == (3,)
    assert list(dict(late.named_parameters())) == ["x_unconstrained"]


@LOCAL
def test_assignments_in_a_call_keep_what_was_learned(local: bool) -> None:
    class Lazy(PyroModule):
        def forward(self) -> Tensor:
            self.a = PyroParam(torch.ones(2), constraint=constraints.positive)
            self.b = nn.Parameter(torch.zeros(2))
            self.c = PyroModule[nn.Linear](2, 2)
            self.d = nn.Linear(2, 2)
            return self.d(self.c(self.a + self.b)).sum()

    with pyro.settings.context(module_local_params=local):
        svi = SVI(Lazy(), lambda: None, pyro.optim.Adam({"lr": 0.05}), lambda m, g: m())
        losses = [svi.step() for _ in range(4)]
    assert losses == sorted(losses, reverse=True) and losses[0] - losses[-1] > 0.3


@LOCAL
def test_assignments_outside_of_calls_win(local: bool) -> None:
    with pyro.settings.context(module_local_params=local):
        module = PyroModule[nn.Sequential](PyroModule[nn.Linear](1, 1))
        module.forward = lambda: module[0].weight  # type: ignore[method-assign]
        module()
        module[0].weight = nn.Parameter(torch.full((1, 1), 5.0))
        assert module().item() == 5.0
        module[0].weight = PyroParam(torch.full((1, 1), 6.0), constraint=constraints.positive)
        assert abs(module().item() - 6.0) < 1e-5
        module[0].weight = torch.full((1, 1), 7.0)
        assert abs(module().item() - 7.0) < 1e-5
        with pytest.raises(ParamConstraintError, match=r"'0\.weight'"):
            module[0].weight = -torch.ones(1, 1)
        module[0].weight = PyroSample(dist.Normal(torch.zeros(1, 1), 1.0).to_event(2))
        assert sites(module) == [] and sites(module, kind="sample") == ["0.weight"]
        module[0].weight = torch.full((1, 1), 8.0)
        assert module().item() == 8.0 and not pyro.get_param_store()
        fresh = PyroModule[nn.Linear](1, 1)
        module[0] = fresh
        value = fresh.weight.item()
        assert module().item() == value


def test_random_attributes_outside_of_calls_are_drawn_afresh_without_a_site() -> None:
    module = PyroModule()
    module.z = PyroSample(dist.Normal(0.0, 1.0))
    with poutine.trace() as tr:
        assert module.z != module.z
    assert not tr.trace.nodes


def test_deleting() -> None:
    module = PyroModule()
    module.a = PyroParam(torch.ones(1))
    module.b = PyroSample(dist.Normal(0.0, 1.0))
    module.c = PyroModule[nn.Linear](1, 1)
    module.forward = lambda: (module.a, module.b, module.c.weight)  # type: ignore[method-assign]
    module()
    child = module.c
    del module.a, module.b, module.c
    assert not pyro.get_param_store() and not list(module.parameters())
    assert sites(child, torch.ones(1)) == ["weight", "bias"]
    for name in "abc":
        with pytest.raises(AttributeError, match=name):
            getattr(module, name)


def test_clear() -> None:
    class Both(Scaled):
        @PyroParam
        def v(self) -> Tensor:
            return torch.zeros(2)

        def forward(self) -> Tensor:
            return super().forward() + self.v

    module = Both()
    module()
    module.v = torch.ones(2)
    clear(module)
    assert not pyro.get_param_store() and not list(module.parameters())
    assert module.v.tolist() == [0.0, 0.0]


def test_parameters_in_subsampled_plates() -> None:
    class Local(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.loc = PyroParam(torch.arange(10.0).reshape(10, 1), event_dim=1)
            self.scale = PyroParam(torch.ones(10), constraints.positive, event_dim=0)
            self.whole = PyroParam(torch.ones(10))

        def forward(self, index: Tensor) -> Any:
            with pyro.plate("data", 10, subsample=index):
                return self.loc, self.scale, self.whole

    module = Local()
    loc, scale, whole = module(torch.tensor([7, 2]))
    assert loc.tolist() == [[7.0], [2.0]] and scale.shape == (2,) and whole.shape == (10,)
    assert loc.unconstrained() is module.loc_unconstrained


def test_named_pyro_params_are_constrained_values() -> None:
    module = PyroModule()
    set_nested(module, "a.b.c", PyroParam(torch.full((2,), 3.0), constraint=constraints.positive))
    found = dict(module.named_pyro_params())
    assert list(found) == ["a.b.c"] and torch.allclose(found["a.b.c"], torch.tensor(3.0))
    assert get_nested(module, "a.b")._pyro_name == "a.b"


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda m: PyroSample(3.0), "a distribution, or a function of one argument"),
        (lambda m: PyroSample(lambda: dist.Normal(0.0, 1.0)), "of one argument"),
        (lambda m: setattr(m, "x", PyroParam()), "'x' of PyroModule: a PyroParam needs an initial"),
        (lambda m: setattr(m, "a.b", PyroParam(torch.ones(1))), "'a.b'.*set_nested"),
        (lambda m: setattr(m, "x", PyroParam(-torch.ones(1), constraints.positive)), "'x'.*-1"),
        (lambda m: PyroModule("a$$$b"), "reserved"),
        (lambda m: PyroParam(torch.ones(1))(lambda self: self), "cannot decorate"),
    ],
)
def test_messages(act: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act(PyroModule())


def test_a_module_must_be_started_before_it_is_given_attributes() -> None:
    class Early(PyroModule):
        def __init__(self) -> None:
            self.x = PyroParam(torch.ones(1))

    with pytest.raises(SiteError, match=r"'x': call super\(\).__init__\(\)"):
        Early()
