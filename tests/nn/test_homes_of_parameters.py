"""Two modules of one name, local parameters, losses as modules: nothing is lost silently."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.errors import ParamConstraintError
from pyro.infer import SVI
from pyro.nn import PyroModule, PyroParam, pyro_method
from tests.nn.small_modules import LOCAL, Scaled, sites


def test_two_modules_of_one_name_are_warned_about_and_share() -> None:
    one, two = Scaled(), Scaled()
    one()
    with pytest.warns(UserWarning, match=r"param 'w'.*share.*PyroModule\(name=...\)"):
        two()
    assert one.w is two.w
    two()  # said once


def test_a_copy_shares_with_its_original_and_says_so() -> None:
    one = Scaled()
    one()
    with pytest.warns(UserWarning, match="share"):
        copy.deepcopy(one)()


def test_other_shapes_or_constraints_under_one_name_are_an_error() -> None:
    Scaled()()
    with pytest.raises(ParamConstraintError, match=r"'w'.*\(3,\).*\(2,\).*name=") as raised:
        Scaled(size=3)()
    assert "clear_param_store" in str(raised.value)
    positive = Scaled()
    positive.w = PyroParam(torch.ones(2), constraint=constraints.positive)
    with pytest.raises(ParamConstraintError, match="constraint"):
        positive()


def test_names_and_local_parameters_keep_modules_apart() -> None:
    one, two = Scaled("one"), Scaled("two")
    one(), two()
    assert one.w is not two.w and sorted(pyro.get_param_store()) == ["one.w", "two.w"]
    pyro.clear_param_store()
    with pyro.settings.context(module_local_params=True):
        one, two = Scaled(), Scaled()
    one(), two()
    assert one.w is not two.w and not pyro.get_param_store()


def test_a_loaded_store_gives_values_and_the_module_keeps_its_leaf(tmp_path: Any) -> None:
    pyro.get_param_store().setdefault("w", torch.tensor([1.0, 2.0]))
    pyro.get_param_store().save(tmp_path / "store")
    pyro.clear_param_store()
    module = Scaled()
    leaf = module.w
    pyro.get_param_store().load(tmp_path / "store")
    assert module().tolist() == [1.0, 2.0]
    assert module.w is leaf is pyro.get_param_store().unconstrained("w")


def test_after_clearing_the_store_a_module_goes_on() -> None:
    module = Scaled()
    leaf = module()
    pyro.clear_param_store()
    assert module() is leaf and list(pyro.get_param_store()) == ["w"]


def test_local_programs_of_one_name_are_all_optimised_and_named() -> None:
    with pyro.settings.context(module_local_params=True):
        model, guide = Scaled(), Scaled()
    asked: list[tuple[str, str]] = []

    def arguments(module: str, name: str) -> dict[str, float]:
        asked.append((module, name))
        return {"lr": 0.1}

    def loss(model: Any, guide: Any) -> Tensor:
        return ((model() - 1.0) ** 2 + (guide() - 1.0) ** 2).sum()

    optim = pyro.optim.Adam(arguments)
    svi = SVI(model, guide, optim, loss)
    losses = [svi.step() for _ in range(3)]
    assert losses[0] > losses[-1] and sorted(optim.get_state()) == ["w", "w#2"]
    assert asked == [("w", "w"), ("w#2", "w#2")]
    assert torch.equal(model.w, guide.w) and (model.w > 0.1).all()
    again = pyro.optim.Adam({"lr": 0.1})
    again.set_state(optim.get_state())
    SVI(model, guide, again, loss).step()
    assert again.get_state()["w"]["state"][0]["step"] == 4


class WithStatements(PyroModule):
    """Statements in a module: its own, those of a function, and a plain network."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(2))
        self.outside = [nn.Linear(2, 2)]  # in a list: not part of the module

    def forward(self) -> Tensor:
        scale = pyro.param("a.scale", torch.ones(2), constraint=constraints.positive)
        net = pyro.module("net", self.outside[0])
        return net(self.w * scale) + pyro.param("shift", lambda: torch.randn(2))


def test_param_statements_in_a_local_module_are_the_modules() -> None:
    with pyro.settings.context(module_local_params=True):
        module = WithStatements()
        other = WithStatements()
    params = ["a.scale", "net$$$bias", "net$$$weight", "shift", "w"]
    assert sorted(sites(module)) == params
    assert not pyro.get_param_store()
    assert len(list(module.parameters())) == 5
    other()
    assert not torch.equal(other.pyro_statements.shift, module.pyro_statements.shift)
    optim = pyro.optim.Adam({"lr": 0.1})
    before = module.state_dict()
    before = {key: value.clone() for key, value in before.items()}
    SVI(module, lambda: None, optim, lambda model, guide: ((model() - 3) ** 2).sum()).step()
    after = module.state_dict()
    changed = [key for key in after if not torch.equal(after[key], before[key])]
    assert changed == list(after) and set(optim.get_state()) == set(params)


@pytest.mark.parametrize("called", [False, True])
def test_statements_in_a_state_dict(called: bool) -> None:
    with pyro.settings.context(module_local_params=True):
        module, new = WithStatements(), WithStatements()
    expected = module()
    new.outside = copy.deepcopy(module.outside)
    if called:
        new()
    state = module.state_dict()
    assert "pyro_statements.a%2Escale" in state
    new.load_state_dict(state)
    if not called:  # a network that is not part of the module starts from the loaded state too
        assert torch.equal(new(), expected)
    twin = copy.deepcopy(module)
    assert torch.equal(twin(), expected)


def test_local_parameters_are_local_though_the_setting_is_off_again() -> None:
    with pyro.settings.context(module_local_params=True):
        module = Scaled()
    module()
    assert not pyro.get_param_store()
    with pyro.settings.context(module_local_params=True):
        later = Scaled()
    later = Scaled()
    with pyro.settings.context(module_local_params=True):
        later()
    assert not pyro.get_param_store()
    with pytest.raises(ValueError, match="module_local_params must be True or False"):
        pyro.settings.set(module_local_params=1)


class Normal(PyroModule):
    """A model and its guide as methods, a lazily declared scale."""

    def __init__(self) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.tensor(0.0))

    @PyroParam(constraint=constraints.positive)
    def scale(self) -> Tensor:
        return torch.tensor(1.0)

    @pyro_method
    def model(self) -> None:
        pyro.sample("z", dist.Normal(3.0, 0.5))

    @pyro_method
    def guide(self) -> None:
        pyro.sample("z", dist.Normal(self.loc, self.scale))


@LOCAL
@pytest.mark.parametrize("form", ["methods", "handlers", "partials"])
def test_a_loss_has_all_parameters_before_the_first_call(local: bool, form: str) -> None:
    with pyro.settings.context(module_local_params=local):
        program = Normal()
        wrap: Any = {
            "methods": lambda fn: fn,
            "handlers": poutine.scale(scale=1.0),
            "partials": functools.partial,
        }[form]
        loss = pyro.infer.TraceMeanField_ELBO()(wrap(program.model), wrap(program.guide))
        assert len(list(loss.parameters())) == 2
        optimizer = torch.optim.Adam(loss.parameters(), lr=0.1)
        for _ in range(150):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
    assert abs(program.loc.item() - 3.0) < 0.05 and abs(program.scale.item() - 0.5) < 0.05
