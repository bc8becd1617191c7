"""A checkpoint holds everything that the next step depends on: resuming is exact."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.errors import CheckpointError
from pyro.infer import SVI, ReweightedWakeSleep, Trace_ELBO
from pyro.infer.autoguide import AutoLowRankMultivariateNormal, AutoNormal
from pyro.nn import PyroModule, PyroParam

DATA = torch.linspace(-1.0, 2.0, 12)


def model(data: Tensor) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    noise = pyro.param("noise", torch.tensor(1.0), constraint=constraints.positive)
    with pyro.plate("data", 12, subsample_size=len(data)):
        pyro.sample("x", dist.Normal(z, noise), obs=data)


def guide(data: Tensor) -> None:
    loc = pyro.param("loc", lambda: torch.randn(()))
    scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
    pyro.sample("z", dist.Normal(loc, scale))


class Amortised(PyroModule):
    """With buffers that change, and a constraint."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        self.scale = PyroParam(torch.tensor(0.5), constraint=constraints.positive)

    def forward(self, data: Tensor) -> None:
        locs = self.net(data[:, None])
        pyro.sample("z", dist.Normal(locs.mean(), self.scale))


class Setup(NamedTuple):
    """An optimisation, and what else belongs to it."""

    svi: SVI
    others: dict[str, Any]


def of_functions() -> Setup:
    args = {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.1}, "milestones": [2, 4, 9]}
    return Setup(SVI(model, guide, pyro.optim.MultiStepLR(args), Trace_ELBO()), {})


def of_an_automatic_guide() -> Setup:
    args = {"lr": 0.1, "momentum": 0.5}
    optim = pyro.optim.SGD({**args, "lr": 0.01}, {"global_clip_norm": 5.0})
    return Setup(SVI(model, AutoNormal(model), optim, Trace_ELBO(num_particles=2)), {})


def of_torch() -> Setup:
    module = Amortised()
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.05)
    schedule = lr_scheduler.StepLR(optimizer, 3)
    return Setup(SVI(model, module, optimizer, Trace_ELBO()), {"schedule": schedule})


def of_a_torch_optimiser_and_an_automatic_guide() -> Setup:
    auto = AutoLowRankMultivariateNormal(model).setup(DATA)
    optimizer = torch.optim.RMSprop(auto.parameters(), lr=0.01)
    return Setup(SVI(model, auto, optimizer, Trace_ELBO()), {})


def of_a_score_function() -> Setup:
    def flips(data: Tensor) -> None:
        k = pyro.sample("k", dist.Bernoulli(0.5))
        pyro.sample("x", dist.Normal(2 * k, 1.0).expand([len(data)]).to_event(1), obs=data)

    def guess(data: Tensor) -> None:
        probs = pyro.param("probs", torch.tensor(0.5), constraint=constraints.unit_interval)
        options = {"baseline": {"use_decaying_avg_baseline": True}}
        pyro.sample("k", dist.Bernoulli(probs), infer=options)

    return Setup(SVI(flips, guess, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO()), {})


SETUPS = [
    of_functions,
    of_an_automatic_guide,
    of_torch,
    of_a_torch_optimiser_and_an_automatic_guide,
    of_a_score_function,
]


def steps(setup: Setup, n: int) -> list[float]:
    losses = []
    for _ in range(n):
        losses.append(setup.svi.step(DATA + 0.1 * np.random.rand() + 0.1 * random.random()))
        for other in (setup.svi.optim, *setup.others.values()):
            if hasattr(other, "step"):
                other.step()
    return losses


@pytest.mark.parametrize("make", SETUPS)
@pytest.mark.parametrize("taken", [0, 5])
def test_another_process_goes_on_with_the_same_losses(
    make: Callable[[], Setup], taken: int, tmp_path: Path
) -> None:
    pyro.set_rng_seed(1)
    first = make()
    steps(first, taken)
    first.svi.save(tmp_path / "svi.pt", **first.others, epoch=7)
    expected = steps(first, 6)

    pyro.clear_param_store()
    pyro.set_rng_seed(2)
    second = make()
    found = second.svi.load(tmp_path / "svi.pt", **second.others)
    assert found == {"epoch": 7} and second.svi.steps == taken
    assert steps(second, 6) == expected
    assert second.svi.steps == first.svi.steps == taken + 6


@pytest.mark.parametrize("make", SETUPS)
def test_the_same_process_goes_back(make: Callable[[], Setup]) -> None:
    pyro.set_rng_seed(1)
    setup = make()
    steps(setup, 4)
    state = setup.svi.state_dict(**setup.others)
    expected = steps(setup, 5)
    setup.svi.load_state_dict(state, **setup.others)
    assert steps(setup, 5) == expected


def test_runs_in_machine_code_are_resumed_exactly(tmp_path: Path) -> None:
    def make() -> SVI:
        return SVI(model, AutoNormal(model), pyro.optim.Adam({"lr": 0.02}), Trace_ELBO())

    svi = make()
    assert svi.run(120, DATA, progress=False).compiled_steps > 100
    svi.save(tmp_path / "svi.pt")
    expected = svi.run(120, DATA, progress=False)
    pyro.clear_param_store()
    again = make()
    again.load(tmp_path / "svi.pt")
    found = again.run(120, DATA, progress=False)
    assert again.steps == 240 and found.compiled_steps == expected.compiled_steps > 100
    assert torch.equal(found.losses, expected.losses)


SAVED_AT = [0, 1, 2, 4, 60, 67, 150]  # early, when code is recorded and compared, before and after


def of_a_schedule() -> SVI:
    args = {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.05}, "gamma": 0.99}
    return SVI(model, guide, pyro.optim.ExponentialLR(args), Trace_ELBO())


def of_wake_sleep() -> SVI:
    loss = ReweightedWakeSleep(num_particles=2, vectorize_particles=False)
    return SVI(model, AutoNormal(model), pyro.optim.Adam({"lr": 0.02}), loss)


def of_torch_and_machine_code() -> SVI:
    auto = AutoNormal(model)
    return SVI(model, auto, partial(torch.optim.RMSprop, lr=0.01), Trace_ELBO())


@pytest.mark.parametrize("make", [of_a_schedule, of_wake_sleep, of_torch_and_machine_code])
def test_a_callback_of_a_run_in_machine_code_saves_what_resumes_exactly(
    make: Callable[[], SVI], tmp_path: Path
) -> None:
    """The rest of a run, which alone would be too short for machine code, or begin in torch."""

    def save(step: int, loss: Any) -> None:
        if step in SAVED_AT:
            assert svi.steps == step + 1
            svi.save(tmp_path / f"{step}.pt", step=step)

    pyro.set_rng_seed(4)
    svi = make()
    whole = svi.run(170, DATA, callbacks=save, progress=False)
    assert whole.compiled_steps > 150, whole.why_not_compiled
    after = dict(pyro.get_param_store().named_parameters())
    final = {name: leaf.detach().clone() for name, leaf in after.items()}
    compiled = whole.compiled_steps
    for step in SAVED_AT:
        pyro.clear_param_store()
        pyro.set_rng_seed(5)
        svi = make()
        assert svi.load(tmp_path / f"{step}.pt") == {"step": step}
        rest = svi.run(169 - step, DATA, callbacks=lambda *_: None, progress=False)
        assert rest.losses.tolist() == whole.losses[step + 1 :].tolist(), step
        assert rest.compiled_steps == compiled and svi.steps == 170
        store = pyro.get_param_store()
        found = dict(store.named_parameters())
        assert all(torch.equal(found[name], final[name]) for name in final)


def test_a_callback_at_the_end_of_a_pass_saves_what_resumes_exactly(tmp_path: Path) -> None:
    """With batches of two sizes, and a schedule that is advanced after each pass."""

    def make() -> tuple[SVI, Any]:
        return of_a_schedule(), DataLoader(TensorDataset(DATA), 5, shuffle=True)

    def save(step: int, loss: Any) -> None:
        if step == 89:
            svi.save(tmp_path / "svi.pt")

    pyro.set_rng_seed(4)
    svi, loader = make()
    whole = svi.run(batches=loader, epochs=50, callbacks=save, progress=False)
    assert whole.compiled_steps > 130, whole.why_not_compiled
    pyro.clear_param_store()
    svi, loader = make()
    svi.load(tmp_path / "svi.pt")
    rest = svi.run(batches=loader, epochs=20, callbacks=lambda *_: None, progress=False)
    assert rest.losses.tolist() == whole.losses[90:].tolist()


def test_a_callback_goes_back_and_the_run_repeats_its_steps() -> None:
    states: list[Any] = []

    def back(step: int, loss: float) -> None:
        if step == 100:
            states.append(svi.state_dict())
        if step == 120:
            svi.load_state_dict(states[0])

    svi = of_a_schedule()
    losses = svi.run(160, DATA, callbacks=back, progress=False).losses.tolist()
    assert losses[121:141] == losses[101:121]


def test_a_run_in_torch_is_gone_on_with_in_torch(tmp_path: Path) -> None:
    """For the reason that the run had."""

    def branching(data: Tensor) -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z if z > 0 else 2 * z, 1.0), obs=data.mean())

    def make() -> SVI:
        return SVI(branching, guide, pyro.optim.Adam({"lr": 0.02}), Trace_ELBO())

    def save(step: int, loss: float) -> None:
        if step == 20:
            svi.save(tmp_path / "svi.pt")

    svi = make()
    whole = svi.run(130, DATA, callbacks=save, progress=False)
    pyro.clear_param_store()
    svi = make()
    svi.load(tmp_path / "svi.pt")
    rest = svi.run(109, DATA, progress=False)
    assert rest.losses.tolist() == whole.losses[21:].tolist()
    assert rest.why_not_compiled == whole.why_not_compiled is not None


def test_epochs_of_a_shuffled_loader_are_resumed_exactly(tmp_path: Path) -> None:
    def make() -> tuple[SVI, Any, torch.Generator]:
        generator = torch.Generator().manual_seed(0)
        loader = DataLoader(TensorDataset(DATA), 5, shuffle=True, generator=generator)
        return of_functions().svi, loader, generator

    svi, loader, generator = make()
    svi.run(batches=loader, epochs=2, progress=False)
    svi.save(tmp_path / "svi.pt", generator=generator)
    expected = svi.run(batches=loader, epochs=2, progress=False).losses
    pyro.clear_param_store()
    svi, loader, generator = make()
    svi.load(tmp_path / "svi.pt", generator=generator)
    assert torch.equal(svi.run(batches=loader, epochs=2, progress=False).losses, expected)


def test_the_file_is_plain_and_says_what_it_is(tmp_path: Path) -> None:
    setup = of_torch()
    steps(setup, 2)
    setup.svi.save(tmp_path / "svi.pt", **setup.others, note="a run")
    raw = torch.load(tmp_path / "svi.pt", weights_only=True)
    assert raw["format"] == "pyro.svi" and raw["steps"] == 2
    assert "net.0.weight" in raw["modules"]["guide"]
    assert set(raw["store"]["params"]) == {"noise"}  # the module's own are in the module
    with pytest.raises(CheckpointError, match=r"'pyro\.svi' file"):
        pyro.get_param_store().load(tmp_path / "svi.pt")


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_networks_that_functions_register(named: bool, held: bool, tmp_path: Path) -> None:
    """In Pyro a network keeps its own values, unless `update_module_params` is given."""

    def make() -> tuple[SVI, nn.Linear]:
        net = nn.Linear(1, 1)

        def amortised(data: Tensor) -> None:
            pyro.module("net", net)
            pyro.sample("z", dist.Normal(net(data.mean().reshape(1)).squeeze(), 0.5))

        optim: Any = torch.optim.Adam(net.parameters()) if held else pyro.optim.Adam({"lr": 0.1})
        return SVI(model, amortised, optim, Trace_ELBO()), net

    svi, net = make()
    svi.step(DATA)
    svi.save(tmp_path / "svi.pt", **({"net": net} if named else {}))
    expected = [svi.step(DATA) for _ in range(3)]
    trained = net.weight.item()
    pyro.clear_param_store()
    svi, net = make()
    svi.load(tmp_path / "svi.pt", **({"net": net} if named else {}))
    assert [svi.step(DATA) for _ in range(3)] == expected
    assert net.weight.item() == trained


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    svi = of_functions().svi
    with pytest.raises(CheckpointError, match="callback is a method"):
        svi.save(tmp_path / "svi.pt", callback=len.__call__)
    svi.save(tmp_path / "svi.pt")
    with pytest.raises(CheckpointError, match="schedule"):
        svi.load(tmp_path / "svi.pt", schedule=object())
    with pytest.raises(CheckpointError, match="guide"):
        of_torch().svi.load(tmp_path / "svi.pt")


SCRIPT = """
import os, signal, sys
import torch, pyro
from tests.infer.test_training_state import DATA, of_an_automatic_guide, steps

path, kill_at = sys.argv[1], int(sys.argv[2])
pyro.set_rng_seed(5)
setup = of_an_automatic_guide()
if os.path.exists(path):
    setup.svi.load(path)
while setup.svi.steps < 12:
    print(setup.svi.steps, repr(steps(setup, 1)[0]), flush=True)
    if setup.svi.steps % 4 == 0:
        setup.svi.save(path)
    if setup.svi.steps == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_was_killed_is_resumed_exactly(tmp_path: Path) -> None:
    def run(kill_at: int) -> tuple[int, list[str]]:
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / "svi.pt"), str(kill_at)]
        root = Path(__file__).parents[2]
        env = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode, done.stdout.split("\n")[:-1]

    pyro.set_rng_seed(5)
    losses = steps(of_an_automatic_guide(), 12)
    whole = [f"{i} {loss!r}" for i, loss in enumerate(losses)]
    killed, before = run(6)
    resumed, after = run(-1)
    assert killed == -signal.SIGKILL and resumed == 0
    assert before == whole[:6]
    assert after == whole[4:]  # from the checkpoint after 4 steps


RUN = """
import os, signal, sys
import pyro
from tests.infer.test_training_state import DATA, of_a_schedule

path, kill_at = sys.argv[1], int(sys.argv[2])
pyro.set_rng_seed(5)
svi = of_a_schedule()
if os.path.exists(path):
    svi.load(path)

def callback(step, loss):
    print(svi.steps, repr(loss), flush=True)
    if svi.steps % 50 == 0:
        svi.save(path)
    if svi.steps == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

svi.run(200 - svi.steps, DATA, callbacks=callback, progress=False)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_is_resumed_exactly(tmp_path: Path) -> None:
    """In machine code, from its last checkpoint by a callback."""
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    said = []
    for kill_at, file in ((-1, "whole"), (120, "svi"), (-1, "svi")):
        command = [sys.executable, "-c", RUN, str(tmp_path / file), str(kill_at)]
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
        assert done.returncode == (-signal.SIGKILL if kill_at > 0 else 0), done.stderr
        said.append(done.stdout.split("\n")[:-1])
    whole, before, after = said
    assert len(whole) == 200
    assert before == whole[:120] and after == whole[100:]


def test_loops_in_machine_code_are_resumed_exactly(tmp_path: Path) -> None:
    def make() -> SVI:
        return SVI(model, AutoNormal(model), pyro.optim.Adam({"lr": 0.02}), Trace_ELBO())

    with pyro.settings.context(svi_compile_after=5):
        svi = make()
        for _ in range(25):
            svi.step(DATA)
        assert svi.engine.name == "machine code", svi.engine
        svi.save(tmp_path / "svi.pt")
        expected = [svi.step(DATA) for _ in range(25)]
        assert svi.engine.name == "machine code"
        pyro.clear_param_store()
        again = make()
        again.load(tmp_path / "svi.pt")
        assert [again.step(DATA) for _ in range(25)] == expected
        assert again.engine.compiled_steps == svi.engine.compiled_steps > 10
