"""Models dominated by networks: steps with BLAS in single precision against those of torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import optim
from pyro.compile import gemm
from pyro.compile.draws import Counted, make_key, work
from pyro.infer import SVI, JitTrace_ELBO, Trace_ELBO, TraceEnum_ELBO, TraceMeanField_ELBO
from pyro.infer.fit.compiled import worth
from pyro.infer.fit.result import SVIResult
from pyro.infer.fit.steps.trusted import TrustedSteps
from pyro.optim.lr_scheduler import PyroLRScheduler
from pyro.rng import new_seed

pytestmark = pytest.mark.skipif(not gemm.is_there(gemm.SINGLE), reason="torch has another BLAS")
ROWS, PIXELS, HIDDEN, CODE, LABELS = 64, 60, 48, 6, 3
STEPS = 12


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loops of our own count as slow, so that networks for a test are large ones."""
    monkeypatch.setattr(work, "_OURS", 1e-6)
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    yield


def images() -> Tensor:
    return (torch.rand(ROWS, PIXELS, generator=torch.Generator().manual_seed(3)) < 0.3).float()


def encoder(extra: int = 0, *more: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(PIXELS + extra, HIDDEN), nn.Tanh(), *more, nn.Linear(HIDDEN, 2 * CODE)
    )


def decoder(extra: int = 0, activation: type[nn.Module] = nn.Tanh) -> nn.Sequential:
    return nn.Sequential(nn.Linear(CODE + extra, HIDDEN), activation(), nn.Linear(HIDDEN, PIXELS))


class Plain(nn.Module):
    """A variational autoencoder."""

    def __init__(self, activation: type[nn.Module] = nn.Tanh, *more: nn.Module) -> None:
        super().__init__()
        self.encode, self.decode = encoder(0, *more), decoder(0, activation)

    def model(self, x: Tensor) -> None:
        pyro.module("decode", self.decode)
        with pyro.plate("rows", len(x)):
            z = pyro.sample("z", dist.Normal(x.new_zeros(len(x), CODE), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=self.decode(z)).to_event(1), obs=x)

    def guide(self, x: Tensor) -> None:
        pyro.module("encode", self.encode)
        loc, log_scale = self.encode(x).chunk(2, -1)
        with pyro.plate("rows", len(x)):
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


class Settled(Plain):
    """Scales that are far below the rounding of the locations."""

    def __init__(self) -> None:
        super().__init__()
        last = self.encode[-1]
        with torch.no_grad():
            last.weight[CODE:] *= 1e-3
            last.bias[CODE:] = -46.0


class Labelled(nn.Module):
    """A semi-supervised autoencoder whose labels are summed out."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = encoder(LABELS), decoder(LABELS)
        self.label = nn.Linear(PIXELS, LABELS)

    def model(self, x: Tensor) -> None:
        pyro.module("decode", self.decode)
        with pyro.plate("rows", len(x)):
            y = pyro.sample("y", dist.OneHotCategorical(torch.ones(LABELS) / LABELS))
            z = pyro.sample("z", dist.Normal(x.new_zeros(CODE), 1.0).to_event(1))
            logits = self.decode(_joined(z, y))
            pyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)

    def guide(self, x: Tensor) -> None:
        pyro.module("encode", self.encode)
        pyro.module("label", self.label)
        with pyro.plate("rows", len(x)):
            law = dist.OneHotCategorical(logits=self.label(x))
            y = pyro.sample("y", law, infer={"enumerate": "parallel"})
            loc, log_scale = self.encode(_joined(x, y)).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


class Recurrent(nn.Module):
    """Latent states over time, with a recurrent network that reads what comes after."""

    def __init__(self) -> None:
        super().__init__()
        self.move, self.emit = nn.Linear(CODE, CODE), decoder()
        self.read, self.combine = nn.GRU(PIXELS, 24, batch_first=True), nn.Linear(24 + CODE, CODE)

    def model(self, x: Tensor) -> None:
        pyro.module("recurrent", self)
        z = x.new_zeros(len(x), CODE)
        with pyro.plate("rows", len(x)):
            for t in pyro.markov(range(3)):
                z = pyro.sample(f"z_{t}", dist.Normal(self.move(z), 1.0).to_event(1))
                pyro.sample(f"x_{t}", dist.Bernoulli(logits=self.emit(z)).to_event(1), obs=x)

    def guide(self, x: Tensor) -> None:
        states = self.read(torch.stack([x, x.flip(1), x], 1).flip(1))[0].flip(1)
        z = x.new_zeros(len(x), CODE)
        with pyro.plate("rows", len(x)):
            for t in pyro.markov(range(3)):
                loc = self.combine(torch.cat([z, states[:, t]], -1))
                z = pyro.sample(f"z_{t}", dist.Normal(loc, 0.5).to_event(1))


def _joined(one: Tensor, other: Tensor) -> Tensor:
    batch = torch.broadcast_shapes(one.shape[:-1], other.shape[:-1])
    return torch.cat([one.expand(*batch, -1), other.expand(*batch, -1)], -1)


class Case(NamedTuple):
    """A program, an objective and an optimiser."""

    net: Callable[[], Any] = Plain
    loss: Callable[[], Any] = Trace_ELBO
    optim: Callable[[], Any] = lambda: optim.Adam({"lr": 0.01})


def stepwise() -> Any:
    options = {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.01}, "gamma": 0.9}
    return optim.ExponentialLR(options)


CASES: dict[str, Case] = {
    "plain": Case(),
    "relu": Case(lambda: Plain(nn.ReLU)),
    "softplus": Case(lambda: Plain(nn.Softplus)),
    "dropout": Case(lambda: Plain(nn.SiLU, nn.Dropout(0.3))),
    "layer norm": Case(lambda: Plain(nn.Sigmoid, nn.LayerNorm(HIDDEN))),
    "scales of 1e-20": Case(Settled),
    "labels": Case(Labelled, lambda: TraceEnum_ELBO(max_plate_nesting=1)),
    "recurrent": Case(Recurrent),
    "mean field": Case(loss=TraceMeanField_ELBO),
    "particles": Case(
        loss=lambda: Trace_ELBO(num_particles=2, vectorize_particles=True, max_plate_nesting=1)
    ),
    "clipped": Case(optim=lambda: optim.ClippedAdam({"lr": 0.01, "lrd": 0.99})),
    "momentum": Case(optim=lambda: optim.SGD({"lr": 1e-5, "momentum": 0.9})),
    "rmsprop": Case(optim=lambda: optim.RMSprop({"lr": 1e-3})),
    "clipped by norm": Case(optim=lambda: optim.Adam({"lr": 0.01}, {"clip_norm": 5.0})),
    "schedule": Case(optim=stepwise),
}


def build(case: Case, dtype: torch.dtype = torch.float32) -> SVI:
    pyro.clear_param_store()
    pyro.set_rng_seed(4)
    net = case.net().to(dtype)
    return SVI(net.model, net.guide, case.optim(), case.loss())


def params() -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in pyro.get_param_store().items()}


def in_torch(svi: SVI, x: Tensor) -> list[float]:
    """What a run does, with its random numbers."""
    losses: list[float] = []
    seed = 0
    for step in range(STEPS):
        if step == 1:
            seed = new_seed()
        with Counted(make_key(seed, step)) if step else nullcontext():
            losses.append(svi.step(x))
        if isinstance(svi.optim, PyroLRScheduler):
            svi.optim.step()
    return losses


def wide(losses: Any) -> Tensor:
    return torch.as_tensor(losses, dtype=torch.float64)


def held(result: SVIResult, svi: SVI) -> str:
    assert result.why_not_compiled is None, result.why_not_compiled
    made = svi._choice.made
    assert isinstance(made, TrustedSteps)
    (stage,) = made._stages
    assert stage.tape is not None
    nodes = stage.tape.iteration._program.nodes
    routines = {n.attr.name for n in nodes if type(n.attr).__name__ == "Routine"}
    assert routines & {"sgemm", "dgemm"}
    return str(stage.tape.iteration.report().held)


@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_of_torch(name: str) -> None:
    """Losses to 1e-4, parameters to a hundredth of how far they have come."""
    case, x = CASES[name], images()
    svi = build(case)
    start = params_before(case)
    expected = in_torch(svi, x)
    after = params()
    svi = build(case)
    result = svi.run(STEPS, x, progress=False, compile=True)
    assert held(result, svi) == "torch.float32" and result.compiled_steps == STEPS - 3
    torch.testing.assert_close(wide(result.losses), wide(expected), rtol=1e-4, atol=1e-2)
    for parameter, value in params().items():
        gone = (after[parameter] - start[parameter]).norm()
        assert (value - after[parameter]).norm() <= 0.01 * gone + 1e-6, parameter


def params_before(case: Case) -> dict[str, Tensor]:
    """Parameters as they are made."""
    net = build(case).model.__self__  # type: ignore[attr-defined]
    names = {"recurrent": net} if isinstance(net, Recurrent) else dict(net.named_children())
    return {
        f"{module}$$${name}": p.detach().clone()
        for module, part in names.items()
        for name, p in part.named_parameters()
    }


def test_double_precision_has_its_routine() -> None:
    case, x = Case(), images().double()
    torch.set_default_dtype(torch.float64)
    try:
        expected = in_torch(build(case, torch.float64), x)
        after = params()
        svi = build(case, torch.float64)
        result = svi.run(STEPS, x, progress=False, compile=True)
    finally:
        torch.set_default_dtype(torch.float32)
    assert held(result, svi) == "torch.float64"
    torch.testing.assert_close(
        wide(result.losses),
        wide(expected),
        rtol=1e-9,
        atol=1e-9,
    )
    torch.testing.assert_close(params(), after, rtol=1e-8, atol=1e-8)


def test_batches_and_a_ragged_last_one() -> None:
    x = images()
    loader = [x[:24], x[24:48], x[48:]]
    losses = []
    for compile in (True, False):
        svi = build(Case())
        result = svi.run(batches=loader, epochs=20, progress=False, compile=compile)
        losses.append(torch.as_tensor(result.losses)[-12:].mean())
    torch.testing.assert_close(losses[0], losses[1], rtol=0.05, atol=0.0)  # other random numbers


def test_networks_are_compiled_unasked() -> None:
    svi = build(Case())
    result = svi.run(STEPS + 100, images(), progress=False)
    assert held(result, svi) == "torch.float32" and result.compiled_steps > 100


def test_runs_that_go_on_and_on() -> None:
    """Losses stay those of torch in distribution: with five seeds, to one hundredth."""
    ends = []
    for compile in (None, False):
        svi = build(Case())
        for steps in (100, 100, 300, 300):
            result = svi.run(steps, images(), progress=False, compile=compile)
            if compile is None:
                assert result.why_not_compiled is None and result.compiled_steps > steps - 6
        ends.append(wide(result.losses)[-200:].mean())
    torch.testing.assert_close(*ends, rtol=0.03, atol=0.0)


def test_single_steps_and_runs_go_on_from_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "better_in_torch", lambda *_: None)
    x, net = images(), Plain()
    svi = SVI(net.model, net.guide, optim.Adam({"lr": 0.01}), JitTrace_ELBO())
    first = svi.step(x)
    for _ in range(9):
        svi.step(x)
    assert svi.engine.name == "machine code"
    result = svi.run(20, x, progress=False)
    assert result.why_not_compiled is None
    assert svi.optim.get_state()["encode$$$0.weight"]["state"][0]["step"] == 30
    assert svi.step(x) < result.losses[0] < first


def test_several_groups_of_parameters() -> None:
    case = Case(
        optim=lambda: optim.Adam(
            lambda name: {"lr": 0.02 if "loc" in name or "0.w" in name else 0.005}
        )
    )
    x = images()
    expected = in_torch(build(case), x)
    svi = build(case)
    result = svi.run(STEPS, x, progress=False, compile=True)
    assert held(result, svi) == "torch.float32"
    torch.testing.assert_close(wide(result.losses), wide(expected), rtol=1e-4, atol=1e-2)
