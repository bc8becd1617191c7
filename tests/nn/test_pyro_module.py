"""Laws of modules: names, states, copies and both homes of parameters, over a table of modules."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.infer import SVI, Trace_ELBO
from pyro.nn import PyroModule, PyroModuleList, PyroParam, PyroSample
from pyro.nn.module import to_pyro_module_

X = torch.linspace(-1.0, 1.0, 8).reshape(4, 2)


def around_slope(module: Line) -> dist.Distribution:
    return dist.Normal(module.slope, module.scale).to_event(1)


class Line(PyroModule):
    """Random, constrained and dependent attributes."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.slope = PyroSample(dist.Normal(torch.zeros(2), 1.0).to_event(1))
        self.scale = PyroParam(torch.tensor([0.5, 2.0]), constraint=constraints.positive)
        self.shift = PyroSample(around_slope)

    def forward(self, x: Tensor) -> Tensor:
        return ((self.slope * x + self.shift) * self.scale).sum(-1)


class Declared(PyroModule):
    """Attributes that are declared in the body of the class, one needing another's value."""

    table = PyroParam(torch.eye(2))

    @PyroParam
    def loc(self) -> Tensor:
        return torch.ones(2) * self.width

    @PyroParam(constraint=constraints.unit_interval, event_dim=1)
    def rate(self) -> Tensor:
        return torch.tensor([0.25, 0.75])

    @PyroSample
    def weight(self) -> dist.Normal:
        return dist.Normal(self.loc, 1.0).to_event(1)

    @PyroSample
    def doubled(self) -> Tensor:
        return self.weight * 2

    def __init__(self, width: float = 2.0) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.table * self.doubled * self.rate).sum(-1)


class Mixed(PyroModule):
    """Plain, mixed and nested modules; a buffer; a frozen parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.first = PyroModule[nn.Linear](2, 3)
        self.first.weight = PyroSample(dist.Normal(0.0, 1.0).expand([3, 2]).to_event(2))
        self.plain = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), PyroModule[nn.Linear](3, 2))
        self.rows = PyroModuleList([Line(), Line()])
        self.register_buffer("offset", torch.ones(()))
        self.frozen = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.plain(self.first(x))
        return sum((row(h) for row in self.rows), self.offset * self.frozen)


class Tied(PyroModule):
    """One module under two names, and one parameter under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.a = PyroModule[nn.Linear](2, 2)
        self.a.bias = PyroSample(dist.Normal(torch.zeros(2), 1.0).to_event(1))
        self.b = self.a
        self.c = nn.Parameter(torch.ones(2))
        self.d = self.c

    def forward(self, x: Tensor) -> Tensor:
        return (self.b(self.a(x)) * self.c * self.d).sum(-1)


class Recurrent(PyroModule):
    def __init__(self) -> None:
        super().__init__()
        self.gru = PyroModule[nn.GRU](2, 3)
        self.gru.weight_hh_l0 = PyroSample(dist.Normal(0.0, 1.0).expand([9, 3]).to_event(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0].sum(-1)


def converted() -> nn.Module:
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 1)))
    to_pyro_module_(net)
    net[1][1].bias = PyroSample(dist.Normal(torch.zeros(1), 1.0).to_event(1))
    return net


# By module: sample sites and parameters, in the order in which a call reads them.
TABLE: dict[str, tuple[Callable[[], nn.Module], list[str], list[str]]] = {
    "line": (Line, ["slope", "shift"], ["scale"]),
    "named": (lambda: Line("m"), ["m.slope", "m.shift"], ["m.scale"]),
    "declared": (Declared, ["weight", "doubled"], ["table", "loc", "rate"]),
    "mixed": (
        Mixed,
        ["first.weight", "rows.0.slope", "rows.0.shift", "rows.1.slope", "rows.1.shift"],
        [
            "plain$$$0.weight",
            "plain$$$0.bias",
            "first.bias",
            "plain.2.weight",
            "plain.2.bias",
            "rows.0.scale",
            "rows.1.scale",
        ],
    ),
    "tied": (Tied, ["a.bias"], ["a.weight", "c", "d"]),
    "recurrent": (
        Recurrent,
        ["gru.weight_hh_l0"],
        ["gru.weight_ih_l0", "gru.bias_ih_l0", "gru.bias_hh_l0"],
    ),
    "converted": (converted, ["1.1.bias"], ["0.weight", "0.bias", "1.1.weight"]),
}


@pytest.fixture(params=["store", "local"])
def home(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where parameters live: the law must hold for both."""
    with pyro.settings.context(module_local_params=request.param == "local"):
        yield request.param


@pytest.fixture(params=TABLE)
def case(request: pytest.FixtureRequest) -> tuple[Callable[[], nn.Module], list[str], list[str]]:
    return TABLE[request.param]


def run(module: nn.Module, *, seed: int = 0) -> poutine.Trace:
    pyro.set_rng_seed(seed)
    return poutine.trace(module).get_trace(X)


def names(trace: poutine.Trace, kind: str) -> list[str]:
    return [name for name, site in trace.nodes.items() if site["type"] == kind]


def assert_same_run(one: nn.Module, two: nn.Module) -> None:
    """Both modules have the same sites with the same values and the same result."""
    first = run(one)
    pyro.clear_param_store()
    second = run(two)
    assert list(first.nodes) == list(second.nodes)
    for name, site in first.nodes.items():
        if name != "_INPUT":
            assert torch.equal(site["value"], second.nodes[name]["value"]), name


def perturb(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for leaf in module.parameters():
            leaf += 0.1 * torch.randn_like(leaf)
    return module


def test_sites(case, home) -> None:
    make, samples, params = case
    module = make()
    for _ in range(2):
        trace = run(module)
        assert names(trace, "sample") == samples
        assert sorted(names(trace, "param")) == sorted(params)
    assert set(pyro.get_param_store()) == (set() if home == "local" else set(params))


def test_a_call_without_handlers_gives_the_same_result(case, home) -> None:
    module = case[0]()
    traced = run(module).nodes["_RETURN"]["value"]
    pyro.set_rng_seed(0)
    assert torch.equal(module(X), traced)


def test_state_dict_before_the_first_call(case, home) -> None:
    old, new = perturb(case[0]()), case[0]()
    run(old)
    assert old.state_dict().keys() == new.state_dict().keys()
    pyro.clear_param_store()
    file = io.BytesIO()
    torch.save(old.state_dict(), file)
    file.seek(0)
    new.load_state_dict(torch.load(file, weights_only=True))
    assert_same_run(old, new)


def test_state_dict_after_calls(case, home) -> None:
    old, new = perturb(case[0]()), case[0]()
    run(new)
    pyro.clear_param_store()
    leaves = list(new.parameters())
    new.load_state_dict(old.state_dict())
    assert all(a is b for a, b in zip(leaves, new.parameters(), strict=True))
    assert_same_run(old, new)


def test_assigning_a_state_dict_wins_over_the_store(case, home) -> None:
    old, new = perturb(case[0]()), case[0]()
    run(new)
    new.load_state_dict(old.state_dict(), assign=True)
    second = run(new)
    pyro.clear_param_store()
    first = run(old)
    assert torch.equal(first.nodes["_RETURN"]["value"], second.nodes["_RETURN"]["value"])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(home, copied, case) -> None:
    module = perturb(case[0]())
    run(module)
    twin = copied(module)
    assert type(twin) is type(module)
    ours = {id(leaf) for leaf in module.parameters()}
    assert not ours & {id(leaf) for leaf in twin.parameters()}
    pyro.clear_param_store()
    assert_same_run(module, twin)
    perturb(twin)
    pyro.clear_param_store()
    changed = run(twin).nodes["_RETURN"]["value"]
    pyro.clear_param_store()
    assert not torch.equal(changed, run(module).nodes["_RETURN"]["value"])


def test_conditioned_values_are_used(case, home) -> None:
    module = case[0]()
    trace = run(module)
    data = {
        name: torch.full_like(trace.nodes[name]["value"], 0.3)
        for name in case[1]
        if not trace.nodes[name]["infer"].get("_deterministic")
    }
    first = run(poutine.condition(module, data), seed=1)
    second = run(poutine.condition(module, data), seed=2)
    for name, value in data.items():
        assert torch.equal(first.nodes[name]["value"], value)
    assert torch.equal(first.nodes["_RETURN"]["value"], second.nodes["_RETURN"]["value"])
    assert not torch.equal(first.nodes["_RETURN"]["value"], trace.nodes["_RETURN"]["value"])


def test_all_parameters_get_gradients_and_are_optimised_by_name(case, home) -> None:
    module, params = case[0](), case[2]

    def model(x: Tensor) -> None:
        with poutine.block(hide_fn=lambda msg: msg["type"] == "sample"):
            mean = module(x)
        with pyro.plate("data", len(x)):
            pyro.sample("y", dist.Normal(mean.reshape(len(x)), 1.0), obs=torch.ones(len(x)))

    before = copy.deepcopy(module.state_dict())
    asked = []

    def arguments(name: str) -> dict[str, float]:
        asked.append(name)
        return {"lr": 0.01}

    optim = pyro.optim.Adam(arguments)
    svi = SVI(model, lambda x: None, optim, Trace_ELBO())
    for _ in range(2):
        svi.step(X)
    assert set(optim.get_state()) <= set(params)
    assert {name.replace("$$$", ".") for name in optim.get_state()} <= set(asked)
    assert len(optim.get_state()) == len({id(p) for p in module.parameters() if p.requires_grad})
    after = module.state_dict()
    for key, leaf in module.named_parameters():
        assert torch.equal(before[key], after[key]) != leaf.requires_grad, key
    assert set(pyro.get_param_store()) == (set() if home == "local" else set(params))


def test_both_homes_train_alike(case) -> None:
    results = []
    for local in (False, True):
        pyro.clear_param_store()
        pyro.set_rng_seed(1)
        with pyro.settings.context(module_local_params=local):
            module = case[0]()

            def loss(model, guide, x: Tensor, module=module) -> Tensor:
                return (module(x) ** 2).sum()

            svi = SVI(module, lambda x: None, pyro.optim.Adam({"lr": 0.02}), loss)
            results.append([svi.step(X) for _ in range(5)])
    assert results[0] == results[1]


def test_moving_to_double_takes_priors_along(case, home) -> None:
    module = case[0]().double()
    trace = poutine.trace(module).get_trace(X.double())
    assert trace.nodes["_RETURN"]["value"].dtype == torch.float64
    assert all(trace.nodes[name]["value"].dtype == torch.float64 for name in (*case[1], *case[2]))
