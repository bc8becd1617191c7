"""Modules under handlers, torch's own transformations, threads and errors."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.distributions import constraints
from pyro.nn import PyroModule, PyroParam, PyroSample
from pyro.runtime import STATE
from tests.nn.small_modules import LOCAL, Scaled, sites


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

    with pyro.settings.context(module_local_params=local, validate_distributions_torch=True):
        net = Net()
        for _ in range(2):
            assert sites(net, torch.ones(2)) == ["plain$$$weight", "plain$$$bias", "own.bias"]
            assert sites(net, torch.ones(2), kind="sample") == ["own.weight"]
        assert not torch.equal(net(torch.ones(2)), net(torch.ones(2)))
        with pytest.raises(ValueError, match="scale"):
            dist.Normal(0.0, -1.0)


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
    assert not STATE.module_runs
    assert pyro.param("x", torch.zeros(1)) is pyro.get_param_store().unconstrained("x")
