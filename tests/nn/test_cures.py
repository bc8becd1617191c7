"""What goes wrong silently elsewhere: shared names, late parameters, stale or forgotten values."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.errors import ParamConstraintError, SiteError
from pyro.infer import SVI, Trace_ELBO
from pyro.nn import PyroModule, PyroModuleList, PyroParam, PyroSample, pyro_method
from pyro.nn.module import clear, to_pyro_module_
from pyro.nn.nested import get_nested, set_nested

LOCAL = pytest.mark.parametrize("local", [False, True], ids=["store", "local"])


class Scaled(PyroModule):
    def __init__(self, name: str = "", size: int = 2) -> None:
        super().__init__(name)
        self.w = nn.Parameter(torch.zeros(size))

    def forward(self) -> Tensor:
        return self.w


def sites(fn: Any, *args: Any, kind: str = "param") -> list[str]:
    nodes = poutine.trace(fn).get_trace(*args).nodes
    return [name for name, site in nodes.items() if site["type"] == kind]


# Two modules of one name


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


# Local parameters


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


# Losses as modules


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
    import functools

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


# Attributes


def test_a_decorated_parameter_that_needs_later_attributes_is_made_when_read() -> None:
    class Late(PyroModule):
        @PyroParam
        def x(self) -> Tensor:
            return torch.zeros(self.size)

        def forward(self) -> Tensor:
            return self.x

    late = Late()
    with pytest.raises(SiteError, match="'x' of Late cannot be made.*size"):
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
        with pytest.raises(ParamConstraintError, match="'0.weight'"):
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


# Structure


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
        with pytest.raises(SiteError, match="subclass of torch.nn.Module"):
            PyroModule[wrong]  # type: ignore[misc,type-var]


def test_classes_with_a_type_of_their_own() -> None:
    import abc
    from typing import Generic, TypeVar

    T = TypeVar("T")

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
    with pytest.raises(SiteError, match="instance of torch.nn.Module"):
        to_pyro_module_(nn.Linear)  # type: ignore[arg-type]


# Handlers and torch


def test_priors_on_parameters_by_lift() -> None:
    class Net(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.own = PyroModule[nn.Linear](1, 1)
            self.plain = nn.Linear(1, 1)

        def forward(self) -> Tensor:
            return self.own(torch.ones(1)) + self.plain(torch.ones(1))

    prior = {"own.weight": dist.Normal(torch.zeros(1, 1), 1.0).to_event(2)}
    net = Net()
    lifted = poutine.lift(net, prior=prior)
    assert sites(lifted, kind="sample") == ["own.weight"]
    assert lifted() != lifted() and "own.weight" not in pyro.get_param_store()
    with pytest.warns(UserWarning, match=r"plain\$\$\$weight.*cannot use.*PyroModule\[nn.Linear\]"):
        poutine.lift(net, prior={"weight": prior["own.weight"]})()


def test_functional_calls_leave_the_store_alone() -> None:
    module = PyroModule[nn.Linear](1, 1)
    module(torch.ones(1))
    stacked = {name: torch.stack([p, p + 1]) for name, p in module.named_parameters()}
    call = torch.func.vmap(
        lambda state: torch.func.functional_call(module, state, (torch.ones(1),))
    )
    one, two = call(stacked)
    assert torch.allclose(two, one + 2.0)
    assert pyro.get_param_store()["weight"] is module.weight


@LOCAL
@pytest.mark.filterwarnings("ignore")  # of the compiler, about its own doings
def test_compiled_submodules_have_the_names_of_what_they_compile(local: bool) -> None:
    class Net(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.plain = torch.compile(nn.Linear(2, 2), backend="eager")
            self.own = torch.compile(PyroModule[nn.Linear](2, 2), backend="eager")
            self.own._orig_mod.weight = PyroSample(dist.Normal(0.0, 1.0).expand([2, 2]).to_event(2))

        def forward(self, x: Tensor) -> Tensor:
            return self.own(self.plain(x))

    with pyro.settings.context(module_local_params=local):
        net = Net()
        for _ in range(2):
            assert sites(net, torch.ones(2)) == ["plain$$$weight", "plain$$$bias", "own.bias"]
            assert sites(net, torch.ones(2), kind="sample") == ["own.weight"]
        assert not torch.equal(net(torch.ones(2)), net(torch.ones(2)))


def test_lazy_modules_become_known_in_the_first_call() -> None:
    class Net(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.LazyLinear(3))

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)

    net = Net()
    assert sites(net, torch.ones(2)) == []
    assert sites(net, torch.ones(2)) == ["net$$$0.weight", "net$$$0.bias"]


def test_recurrent_weights_are_read_in_every_call() -> None:
    lstm = PyroModule[nn.LSTM](1, 2)
    lstm.weight_ih_l0 = PyroParam(torch.ones(8, 1), constraint=constraints.positive)
    x = torch.ones(2, 1, 1)
    first = lstm(x)[0]
    lstm.weight_ih_l0 = torch.full((8, 1), 3.0)
    assert not torch.equal(lstm(x)[0], first)
    lstm(x)[0].sum().backward()
    assert lstm.weight_ih_l0_unconstrained.grad.abs().sum() > 0


def test_threads_draw_apart() -> None:
    class Slow(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.z = PyroSample(dist.Normal(0.0, 1.0))
            self.w = nn.Parameter(torch.ones(()))

        def forward(self, barrier: threading.Barrier) -> Tensor:
            first = self.z
            barrier.wait(timeout=10)
            assert self.z is first
            return self.z * self.w

    module, barrier, found = Slow(), threading.Barrier(2), []

    def work() -> None:
        trace = poutine.trace(module).get_trace(barrier)
        found.append((trace.nodes["z"]["value"].item(), list(trace.nodes)))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2 and found[0][0] != found[1][0] and found[0][1] == found[1][1]


def test_an_error_in_a_call_ends_it() -> None:
    module = Scaled()
    module.forward = lambda: 1 / 0  # type: ignore[method-assign]
    for local in (False, True):
        with pyro.settings.context(module_local_params=local), pytest.raises(ZeroDivisionError):
            module()
    from pyro.runtime import STATE

    assert not STATE.module_runs
    assert pyro.param("x", torch.zeros(1)) is pyro.get_param_store().unconstrained("x")


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
