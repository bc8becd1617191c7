"""Steps as graphs of torch's operations: the same as in torch, number for number."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import pyro
import pyro.distributions as dist
from pyro import optim, settings
from pyro.infer import (
    SVI,
    ReweightedWakeSleep,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
    config_enumerate,
)
from pyro.infer.autoguide import AutoMultivariateNormal, AutoNormal
from pyro.infer.errors import InferenceError, NonFiniteError
from pyro.infer.fit.loops.stepper import Stepper

STEPS = 10


def regression(x: Tensor, y: Tensor) -> None:
    spread = pyro.sample("spread", dist.HalfCauchy(1.0))
    weights = pyro.sample("weights", dist.Normal(torch.zeros(2), spread.unsqueeze(-1)).to_event(1))
    with pyro.plate("rows", len(x)):
        pyro.sample("y", dist.Bernoulli(logits=(x * weights.unsqueeze(-2)).sum(-1)), obs=y)


def subsampled(x: Tensor, y: Tensor) -> None:
    weights = pyro.sample("weights", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    with pyro.plate("rows", len(x), subsample_size=3) as rows:
        pyro.sample("y", dist.Bernoulli(logits=x[rows] @ weights), obs=y[rows])


@config_enumerate
def mixture(x: Tensor, y: Tensor) -> None:
    weights = pyro.sample("weights", dist.Dirichlet(torch.ones(2)))
    with pyro.plate("sides", 2):
        locs = pyro.sample("locs", dist.Normal(torch.zeros(2), 3.0))
    with pyro.plate("rows", len(x)):
        side = pyro.sample("side", dist.Categorical(weights))
        pyro.sample("x", dist.Normal(locs[side], 1.0), obs=x[:, 0])


def coins(x: Tensor, y: Tensor) -> None:
    with pyro.plate("rows", len(x)):
        side = pyro.sample("side", dist.Bernoulli(0.5))
        pyro.sample("x", dist.Normal(2.0 * side, 1.0), obs=x[:, 0])


def coins_guide(x: Tensor, y: Tensor) -> None:
    logits = pyro.param("logits", torch.zeros(len(x)))
    with pyro.plate("rows", len(x)):
        pyro.sample("side", dist.Bernoulli(logits=logits))


class Autoencoder(nn.Module):
    """With running statistics and random zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(2, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 4))
        self.decode = nn.Sequential(nn.Linear(2, 5), nn.Dropout(0.2), nn.Tanh(), nn.Linear(5, 2))

    def model(self, x: Tensor, y: Tensor) -> None:
        pyro.module("decode", self.decode)
        with pyro.plate("rows", len(x)):
            z = pyro.sample("z", dist.Normal(x.new_zeros(len(x), 2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(self.decode(z), 1.0).to_event(1), obs=x)

    def guide(self, x: Tensor, y: Tensor) -> None:
        pyro.module("encode", self.encode)
        loc, log_scale = self.encode(x).chunk(2, -1)
        with pyro.plate("rows", len(x)):
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


def parts(name: str) -> tuple[Any, Any, list[Any]]:
    """A fresh model with its guide; and the modules whose state they have."""
    if name == "autoencoder":
        net = Autoencoder()
        return net.model, net.guide, [net]
    if name == "coins":
        return coins, coins_guide, []
    model = {"regression": regression, "subsampled": subsampled, "mixture": mixture}[name]
    blocked = pyro.poutine.block(model, hide=["side"])
    return model, AutoNormal(blocked), []


def data(rows: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(rows, 2, generator=generator)
    return x, (x.sum(-1) > 0).to(x.dtype)


def state(svi: SVI, modules: list[Any]) -> list[Any]:
    store = {name: value.detach().clone() for name, value in pyro.get_param_store().items()}
    return [store, svi.optim.get_state(), *(m.state_dict() for m in modules)]


def same(ours: Any, theirs: Any) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


TABLE: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
    ("regression", Trace_ELBO, lambda: optim.Adam({"lr": 0.05}, {"clip_norm": 1.0})),
    ("regression", lambda: TraceMeanField_ELBO(num_particles=2), lambda: torch.optim.Adam),
    ("regression", TraceGraph_ELBO, lambda: optim.Rprop({})),
    ("subsampled", Trace_ELBO, lambda: optim.ClippedAdam({"lr": 0.05, "lrd": 0.95})),
    ("mixture", lambda: TraceEnum_ELBO(max_plate_nesting=1), lambda: optim.SGD({"lr": 0.001})),
    ("regression", ReweightedWakeSleep, lambda: optim.Adam({"lr": 0.05})),
    ("coins", Trace_ELBO, lambda: optim.RMSprop({"lr": 0.01})),
    ("autoencoder", Trace_ELBO, lambda: optim.Adam({"lr": 0.01})),
    (
        "autoencoder",
        TraceMeanField_ELBO,
        lambda: optim.ExponentialLR(
            {"optimizer": torch.optim.AdamW, "optim_args": {"lr": 0.05}, "gamma": 0.8}
        ),
    ),
]


@pytest.mark.parametrize(("name", "loss", "make"), TABLE)
def test_the_same_as_in_torch(name: str, loss: Callable[[], Any], make: Callable[[], Any]) -> None:
    found = []
    for engine in (False, "graph"):
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        model, guide, modules = parts(name)
        svi = SVI(model, guide, make(), loss())
        result = svi.run(STEPS, *data(), compile=engine, progress=False)
        found.append((result.losses, state(svi, modules), torch.get_rng_state()))
    assert result.why_not_compiled is None
    assert result.compiled_steps == STEPS - 3 and result.compiled_as == "graph"
    assert "7 as a graph" in str(result)
    same(*found)


def test_batches_of_several_sizes_and_a_second_run() -> None:
    """Each size has a graph; another run has them already."""
    x, y = data(22)
    found = []
    for engine in (False, "graph"):
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        model, guide, modules = parts("autoencoder")
        svi = SVI(model, guide, optim.Adam({"lr": 0.01}), Trace_ELBO())
        loader = DataLoader(TensorDataset(x, y), batch_size=6, shuffle=True)
        first = svi.run(batches=loader, epochs=4, compile=engine, progress=False)
        second = svi.run(batches=loader, epochs=2, compile=engine, progress=False)
        found.append((first.losses, second.losses, state(svi, modules)))
    assert first.why_not_compiled is None and first.compiled_steps == 16 - 1 - 2 * 2
    assert second.compiled_steps == 8 - 1 - 2  # one of each size is made both ways
    same(*found)


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_what_is_not_finite(policy: str) -> None:
    """Such a step is made in torch, which says where; a run that skips it goes on."""
    x, y = data()
    batches = [(x, y)] * 5 + [(x * torch.inf, y)] + [(x, y)] * 2
    found = []
    for engine in (False, "graph"):
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        svi = SVI(regression, AutoNormal(regression), optim.Adam({"lr": 0.05}), Trace_ELBO())
        options: dict[str, Any] = {"batches": batches, "epochs": 1, "non_finite": policy}
        failing = pytest.raises(NonFiniteError, match="site 'y' of the model")
        with (
            failing if policy == "stop" else nullcontext(),
            settings.context(validate_distributions_pyro=False, validate_distributions_torch=False),
        ):
            svi.run(compile=engine, progress=False, **options)
        assert svi.last_run is not None
        found.append((svi.last_run.losses.nan_to_num(), state(svi, []), torch.get_rng_state()))
    same(*found)


def test_a_run_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    def fresh() -> SVI:
        pyro.clear_param_store()
        return SVI(regression, AutoNormal(regression), optim.Adam({"lr": 0.05}), Trace_ELBO())

    svi = fresh()
    svi.run(8, *data(), compile="graph", progress=False)
    svi.save(tmp_path / "svi.pt")
    expected = svi.run(8, *data(), compile="graph", progress=False).losses
    svi = fresh()
    svi.load(tmp_path / "svi.pt")
    found = svi.run(8, *data(), compile="graph", progress=False)
    assert found.compiled_steps == 5 and torch.equal(found.losses, expected)


class Warming:
    """A program that counts its calls, which a graph does not see."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor, y: Tensor) -> None:
        self.calls += 1
        with pyro.poutine.scale(scale=min(1.0, self.calls / 100)):
            regression(x, y)


class OwnGradients(Trace_ELBO):
    """Gradients that are not those of its loss."""

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
        loss = self.differentiable_loss(model, guide, *args, **kwargs)
        (2 * loss).backward()
        return loss.item()


def branching(x: Tensor, y: Tensor) -> None:
    weights = pyro.sample("weights", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    scale = 1.0 if weights[0] > 0 else 2.0
    pyro.sample("y", dist.Normal(x @ weights, scale).to_event(1), obs=y)


@pytest.mark.parametrize(
    ("model", "loss", "reason"),
    [
        (Warming(), Trace_ELBO, "differ"),
        (branching, Trace_ELBO, "control flow depends on the value of an input"),
        (regression, OwnGradients, "in its own way"),
    ],
)
def test_what_stays_in_torch(model: Any, loss: Callable[[], Any], reason: str) -> None:
    guide = AutoNormal(regression if isinstance(model, Warming) else model)
    svi = SVI(model, guide, optim.Adam({"lr": 0.05}), loss())
    result = svi.run(STEPS, *data(), compile="graph", progress=False)
    assert result.compiled_steps == 0 and reason in (result.why_not_compiled or "")


def test_a_program_that_changes_later_is_found_out() -> None:
    slope = [1.0]

    def model(x: Tensor, y: Tensor) -> None:
        weights = pyro.sample("weights", dist.Normal(torch.zeros(2), 1.0).to_event(1))
        pyro.sample("y", dist.Normal(slope[0] * x @ weights, 1.0).to_event(1), obs=y)

    svi = SVI(model, AutoNormal(model), optim.Adam({"lr": 0.05}), Trace_ELBO())

    def change(step: int, loss: float) -> None:
        slope[0] = 1.0 if step < 30 else 5.0

    result = svi.run(100, *data(), compile="graph", callbacks=change, progress=False)
    assert result.compiled_steps == 64
    assert "differ after 64 steps" in (result.why_not_compiled or "")


def test_options() -> None:
    svi = SVI(regression, AutoNormal(regression), optim.Adam({"lr": 0.05}), Trace_ELBO())
    with pytest.raises(InferenceError, match=r"compile must be one of .*'inductor'.*'fast'"):
        svi.run(10, *data(), compile="fast", progress=False)  # type: ignore[arg-type]


def test_autocast_is_part_of_a_graph() -> None:
    """Products of matrices are rounded as autocast says, and weights are not those of before."""
    found = []
    for engine in (False, "graph"):
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        model, guide, modules = parts("autoencoder")
        svi = SVI(model, guide, optim.Adam({"lr": 0.1}), Trace_ELBO())
        with torch.autocast("cpu", torch.bfloat16):
            result = svi.run(STEPS, *data(), compile=engine, progress=False)
        found.append((result.losses, state(svi, modules)))
    assert result.why_not_compiled is None and result.compiled_steps == STEPS - 3
    same(*found)


def test_autocast_around_many_steps_is_that_of_each() -> None:
    """Weights that torch has rounded are those of this step."""
    found = []
    for around_all in (False, True):
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        model, guide, _ = parts("autoencoder")
        svi = SVI(model, guide, optim.Adam({"lr": 0.1}), Trace_ELBO())
        with torch.autocast("cpu", torch.bfloat16, enabled=around_all):
            losses = []
            for _ in range(5):
                with torch.autocast("cpu", torch.bfloat16):
                    losses.append(svi.step(*data()))
        found.append(losses)
    assert found[0] == found[1]


def test_what_torch_cannot_compile_stays_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(program: Any) -> Any:
        def call(*tensors: Tensor) -> Any:
            raise RuntimeError("no compiler")

        return call

    monkeypatch.setattr("pyro.infer.fit.graph.tape.compiled_by_torch", fail)
    svi = SVI(regression, AutoNormal(regression), optim.Adam({"lr": 0.05}), Trace_ELBO())
    result = svi.run(STEPS, *data(), compile="inductor", progress=False)
    assert result.compiled_steps == 0
    assert result.why_not_compiled == "RuntimeError: no compiler"


@pytest.mark.slow  # inductor writes and compiles C++
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, as it is imported
def test_inductor() -> None:
    found = []
    for engine in (False, "inductor"):
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        model, guide, modules = parts("autoencoder")
        svi = SVI(model, guide, optim.SGD({"lr": 0.001}), Trace_ELBO())
        before = settings.get()
        result = svi.run(STEPS, *data(), compile=engine, progress=False)
        found.append((result.losses, state(svi, modules)))
    assert result.why_not_compiled is None and result.compiled_steps == STEPS - 3
    assert settings.get() == before
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)


# ---------------------------------------------------------------- as on a GPU


def test_single_steps_as_on_a_gpu() -> None:
    """What ``step`` does there: graphs between which everything is watched."""
    losses = []
    for on_gpu in (False, True):
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        svi = SVI(regression, AutoNormal(regression), optim.Adam({"lr": 0.05}), Trace_ELBO())
        stepper = Stepper(svi._step, svi._objective(), svi.optim, svi._roots(), on_gpu=True)
        calls = [data(6 if k < 12 else 8) for k in range(24)]
        losses.append([stepper(call, {}) if on_gpu else svi.step(*call) for call in calls])
    assert losses[0] == losses[1]
    assert stepper.engine.name == "graph" and stepper.engine.compiled_steps == 24 - 1 - 2 * 2


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@needs_gpu
@pytest.mark.parametrize("by_step", [False, True])
def test_on_a_gpu(by_step: bool) -> None:
    """CUDA graphs of a network, by themselves, with the numbers of steps in torch."""
    x, y = (t.cuda() for t in data(200))
    found = []
    for engine in (False, None):
        pyro.clear_param_store()
        pyro.set_rng_seed(2)
        net = Autoencoder().cuda()
        svi = SVI(net.model, net.guide, optim.Adam({"lr": 0.01}), Trace_ELBO())
        if by_step:
            with settings.context(compile_enabled=engine is None, svi_compile_after=3):
                losses = torch.tensor([svi.step(x, y) for _ in range(120)])
            compiled = svi.engine
        else:
            result = svi.run(120, x, y, compile=engine, progress=False)
            losses, compiled = result.losses, result
        found.append((losses, state(svi, [net])))
    assert "CUDA graph" in str(compiled) or "CUDA graph" in result.summary()
    assert compiled.compiled_steps > 100
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-3)


@needs_gpu
def test_batches_and_guides_on_a_gpu() -> None:
    x, y = (t.cuda() for t in data(200))

    def model(x: Tensor, y: Tensor) -> None:
        weights = pyro.sample("weights", dist.Normal(x.new_zeros(2), 1.0).to_event(1))
        with pyro.plate("rows", 200, len(x), device=x.device):
            pyro.sample("y", dist.Bernoulli(logits=x @ weights), obs=y)

    svi = SVI(model, AutoMultivariateNormal(model), optim.ClippedAdam({"lr": 0.01}), Trace_ELBO())
    loader = DataLoader(TensorDataset(x.cpu(), y.cpu()), batch_size=64, pin_memory=True)
    rows = [(a.cuda(), b.cuda()) for a, b in loader]
    result = svi.run(batches=rows, epochs=50, progress=False)
    assert result.why_not_compiled is None and result.compiled_steps > 180
    assert result.losses[-10:].mean() < result.losses[:10].mean()


@needs_gpu
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
def test_what_torch_has_compiled_is_captured_on_a_gpu() -> None:
    x, y = (t.cuda() for t in data(200))
    net = Autoencoder().cuda()
    net.decode = torch.compile(net.decode)  # type: ignore[assignment]
    with settings.context(validate_distributions_torch=True):
        svi = SVI(net.model, net.guide, optim.Adam({"lr": 0.01}), Trace_ELBO())
        result = svi.run(120, x, y, progress=False)
    assert result.why_not_compiled is None and result.compiled_as == "CUDA graph"
