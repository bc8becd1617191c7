"""Optimisers of torch, used as they are: by SVI, and by loops of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.infer import SVI, Trace_ELBO, TraceMeanField_ELBO
from pyro.infer.autoguide import AutoDelta, AutoNormal
from pyro.nn import PyroModule, PyroParam

DATA = torch.tensor([1.2, 0.8, 1.5, 0.9, 1.1])
MEAN, SD = DATA.sum().item() / 6, 6**-0.5  # of the posterior


def model(data: Tensor) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(data)):
        pyro.sample("x", dist.Normal(z, 1.0), obs=data)


def guide(data: Tensor) -> None:
    loc = pyro.param("loc", torch.tensor(0.0))
    scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
    pyro.sample("z", dist.Normal(loc, scale))


class Guide(PyroModule):
    def __init__(self) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.tensor(0.0))
        self.scale = PyroParam(torch.tensor(1.0), constraint=constraints.positive)

    def forward(self, data: Tensor) -> None:
        pyro.sample("z", dist.Normal(self.loc, self.scale))


OPTIONS = {"lr": 0.05, "betas": (0.8, 0.99)}
STEPS = {False: 20, True: 150}
FORMS: dict[str, Callable[[nn.Module], Any]] = {
    "instance": lambda module: torch.optim.Adam(module.parameters(), **OPTIONS),  # type: ignore[arg-type]
    "partial": lambda module: partial(torch.optim.Adam, **OPTIONS),
    "of pyro": lambda module: pyro.optim.Adam(OPTIONS),
}


@pytest.mark.parametrize("compiled", [False, True])
def test_every_form_of_an_optimiser_makes_the_same_steps(compiled: bool) -> None:
    found = {}
    for name, form in FORMS.items():
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        module = Guide()
        svi = SVI(model, module, form(module), Trace_ELBO())
        result = svi.run(STEPS[compiled], DATA, progress=False, compile=compiled)
        assert (result.compiled_steps > 0) == compiled, result.why_not_compiled
        found[name] = (result.losses, module.loc.item(), module.scale.item())
    torch.testing.assert_close(found["instance"], found["of pyro"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found["partial"], found["of pyro"], rtol=0.0, atol=0.0)


def test_a_class_has_its_own_default_arguments() -> None:
    svi = SVI(model, guide, torch.optim.Adam, Trace_ELBO())
    svi.step(DATA)
    assert abs(pyro.param("loc").item()) == pytest.approx(1e-3, rel=1e-3)


def test_parameters_that_an_instance_lacks_join_it_as_a_group() -> None:
    first = pyro.param("loc", torch.tensor(0.0)).unconstrained()
    optimizer = torch.optim.SGD([first], lr=0.01)
    svi = SVI(model, guide, optimizer, Trace_ELBO())
    svi.step(DATA)
    assert [len(group["params"]) for group in optimizer.param_groups] == [1, 1]
    assert pyro.param("scale").item() != 1.0 and pyro.param("loc").item() != 0.0


def test_a_parameter_that_appears_late_joins_and_leaves_others_alone() -> None:
    def late(data: Tensor, with_scale: bool) -> None:
        loc = pyro.param("loc", torch.tensor(0.0))
        scale = pyro.param("scale", torch.tensor(1.0)) if with_scale else 0.5
        pyro.sample("z", dist.Normal(loc, scale))

    def either(data: Tensor, with_scale: bool) -> None:
        model(data)

    loc = pyro.param("loc", torch.tensor(0.0)).unconstrained()
    optimizer = torch.optim.Adam([loc], lr=0.1)
    svi = SVI(either, late, optimizer, Trace_ELBO())
    svi.step(DATA, False)
    svi.step(DATA, True)
    scale = pyro.param("scale").item()
    svi.step(DATA, False)  # the scale has no part in this step
    assert pyro.param("scale").item() == scale != 1.0
    assert [optimizer.state[p]["step"].item() for p in optimizer.state] == [3.0, 1.0]


def test_torch_schedules_act_on_the_instance() -> None:
    module = Guide()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    schedule = lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.1)
    svi = SVI(model, module, optimizer, Trace_ELBO())
    svi.run(20, DATA, progress=False, callbacks=lambda step, loss: schedule.step())
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)


def test_the_state_of_an_instance_goes_through_the_state_of_svi() -> None:
    module, again = Guide(), Guide()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    svi = SVI(model, module, optimizer, Trace_ELBO())
    for _ in range(3):
        svi.step(DATA)
    state = svi.optim.get_state()
    other = torch.optim.Adam(again.parameters(), lr=0.3)
    fresh = SVI(model, again, other, Trace_ELBO())
    fresh.optim.set_state(state)
    pyro.clear_param_store()
    again.load_state_dict(module.state_dict())
    before = again.state_dict()["loc"].clone()
    fresh.step(DATA)
    moments = other.state[again.loc]
    assert moments["step"].item() == 4.0 and other.param_groups[0]["lr"] == 0.1
    assert before != again.loc


@pytest.mark.parametrize("form", ["instance", "partial"])
def test_lbfgs_finds_a_mode_in_a_few_steps(form: str) -> None:
    """P12: LBFGS needs a loss that is a function within a step."""
    point = AutoDelta(model).setup(DATA)
    search = partial(torch.optim.LBFGS, lr=1.0, line_search_fn="strong_wolfe")
    optim = search if form == "partial" else search(point.parameters())
    svi = SVI(model, point, optim, Trace_ELBO())
    for _ in range(3):
        svi.step(DATA)
    assert point.median(DATA)["z"].item() == pytest.approx(MEAN, abs=1e-5)


def test_lbfgs_sees_the_same_draws_within_a_step_and_leaves_the_stream_as_one_run_does() -> None:
    """A stochastic loss; with 64 draws of common noise the error of the mean is about SD / 8."""
    pyro.set_rng_seed(3)
    loss = Trace_ELBO(num_particles=64, vectorize_particles=True)
    losses = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        losses.append(loss.differentiable_loss(*args, **kwargs))
        return losses[-1]

    optimizer = partial(torch.optim.LBFGS, line_search_fn="strong_wolfe", max_iter=10)
    svi = SVI(model, guide, optimizer, counted)
    svi.step(DATA)
    assert len(losses) > 3
    after = torch.rand(())
    assert pyro.param("loc").item() == pytest.approx(MEAN, abs=0.2)
    pyro.set_rng_seed(3)
    pyro.clear_param_store()
    loss.loss(model, guide, DATA)
    assert torch.rand(()) == after


def test_lbfgs_with_clipped_gradients_is_refused() -> None:
    optim = pyro.optim.PyroOptim(torch.optim.LBFGS, {}, clip_args={"clip_norm": 1.0})
    with pytest.raises(ValueError, match="clip_args"):
        SVI(model, guide, optim, Trace_ELBO())


def test_lbfgs_in_a_loop_of_the_users_own() -> None:
    loss_fn = TraceMeanField_ELBO()(model, Guide())
    optimizer = torch.optim.LBFGS(loss_fn.parameters(), line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        pyro.set_rng_seed(0)  # the same draws: a function of the parameters
        loss: Tensor = loss_fn(DATA)
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    closure()
    assert all(p.grad.abs() < 1e-3 for p in loss_fn.parameters() if p.grad is not None)


def test_global_clipping_accumulation_and_autocast_in_a_loop_of_the_users_own() -> None:
    net = nn.Linear(1, 2)

    class Amortised(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, data: Tensor) -> None:
            loc, log_scale = self.net(data.mean().reshape(1)).float()
            pyro.sample("z", dist.Normal(loc, log_scale.exp()))

    pyro.set_rng_seed(0)
    loss_fn = Trace_ELBO(num_particles=2)(model, Amortised())
    whole = list(loss_fn.parameters())
    optimizer = torch.optim.SGD(whole, lr=0.05)
    dtypes = set()
    net.register_forward_hook(lambda module, args, out: dtypes.add(out.dtype))  # type: ignore[func-returns-value]
    for _ in range(60):
        optimizer.zero_grad()
        for _ in range(2):  # two halves of one step
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss_fn(DATA)
            (loss / 2).backward()
        norm = nn.utils.clip_grad_norm_(whole, 1.0)
        clipped = torch.stack([p.grad.square().sum() for p in whole if p.grad is not None]).sum()
        assert clipped.sqrt() <= min(norm.item(), 1.0) + 1e-4
        optimizer.step()
    assert dtypes == {torch.bfloat16}
    assert net(DATA.mean().reshape(1))[0].item() == pytest.approx(MEAN, abs=0.2)


def test_one_norm_over_all_parameters_is_clipped_by_svi() -> None:
    norms = []

    class Watched(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:  # type: ignore[override]
            grads = [p.grad for group in self.param_groups for p in group["params"]]
            norms.append(torch.nn.utils.get_total_norm(grads).item())
            return super().step(closure)

    optim = pyro.optim.PyroOptim(Watched, {"lr": 0.1}, clip_args={"global_clip_norm": 0.5})
    SVI(model, guide, optim, Trace_ELBO()).step(DATA)
    assert norms == [pytest.approx(0.5, rel=1e-4)]  # one update of both parameters


def test_fifty_parameters_are_one_optimiser() -> None:
    def wide() -> None:
        for i in range(50):
            pyro.sample(f"x{i}", dist.Normal(0.0, 1.0))

    optim = pyro.optim.Adam({"lr": 0.01})
    SVI(wide, AutoNormal(wide), optim, Trace_ELBO()).step()
    assert len(optim.optim_objs) == 100 and len({id(o) for o in optim.optim_objs.values()}) == 1


def amortised(data: Tensor) -> None:
    pyro.module("net", NET)
    scale = pyro.param("a.b", torch.tensor(0.5), constraint=constraints.positive)
    pyro.sample("z", dist.Normal(NET(data.mean().reshape(1)).squeeze(), scale))


NET = nn.Linear(1, 1)
PROGRAMS = {"functions": (guide, 2), "networks": (amortised, 3), "modules": (Guide(), 2)}
PROGRAMS["automatic"] = (AutoNormal(model), 2)


@pytest.mark.parametrize("name", PROGRAMS)
def test_setup_makes_the_parameters_of_every_kind_of_guide(name: str) -> None:
    """P3, P13: a module of the loss has its parameters before the first step."""
    program, count = PROGRAMS[name]
    loss_fn = Trace_ELBO()(model, program).setup(DATA)
    assert len(list(loss_fn.setup(DATA).parameters())) == count
    optimizer = torch.optim.Adam(loss_fn.parameters(), lr=0.1)
    before = [p.detach().clone() for p in loss_fn.parameters()]
    loss_fn(DATA).backward()
    optimizer.step()
    assert all(a != b for a, b in zip(before, loss_fn.parameters(), strict=True))
    store = pyro.get_param_store()
    held = {id(p) for p in loss_fn.parameters()}
    assert {id(leaf) for _, leaf in store.named_parameters()} == held
    assert ("statements.a%2Eb" in loss_fn.state_dict()) == (name == "networks")


def test_setup_leaves_running_statistics_as_they_are() -> None:
    norm = nn.BatchNorm1d(1)

    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = norm

        def forward(self, data: Tensor) -> None:
            pyro.sample("z", dist.Normal(self.norm(data[:, None]).mean(), 1.0))

    Trace_ELBO()(model, Normed()).setup(DATA)
    assert norm.num_batches_tracked == 0 and norm.running_mean == 0.0
