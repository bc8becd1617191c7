"""Steps in machine code: the same as in torch with the same noise, and what surrounds them."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import pyro
import pyro.distributions as dist
from pyro import optim, settings
from pyro.compile.draws import Counted, make_key
from pyro.distributions import constraints
from pyro.infer import (
    SVI,
    JitTrace_ELBO,
    RenyiELBO,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
    config_enumerate,
)
from pyro.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoIAFNormal,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
)
from pyro.infer.errors import NonFiniteError
from pyro.infer.fit import SVIResult, forecast
from pyro.infer.fit.steps.call import Call
from pyro.rng import new_seed

Y = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0], dtype=torch.float64)
SD = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0], dtype=torch.float64)


@pytest.fixture(autouse=True)
def double():
    with settings.context():
        torch.set_default_dtype(torch.float64)
        yield
        torch.set_default_dtype(torch.float32)


def schools(y: Tensor = Y) -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("J", 8):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(mu + tau * z, SD), obs=y)


def regression(x: Tensor, y: Tensor) -> None:
    weights = pyro.sample("weights", dist.Normal(0.0, torch.ones(x.shape[-1])).to_event(1))
    with pyro.plate("rows", 100, subsample_size=len(x)):
        pyro.sample("y", dist.Bernoulli(logits=x @ weights), obs=y)


def subsampled(x: Tensor = Y, sd: Tensor = SD) -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 5.0))
    with pyro.plate("rows", 8, subsample_size=3) as rows:
        pyro.sample("x", dist.Normal(loc, sd[rows]), obs=x[rows])


def positive(y: Tensor = Y) -> None:
    rate = pyro.sample("rate", dist.Gamma(2.0, 1.0))
    with pyro.plate("rows", 8):
        pyro.sample("y", dist.Exponential(rate), obs=y.abs())


def gamma_guide(y: Tensor = Y) -> None:
    shape = pyro.param("shape", torch.tensor(3.0), constraint=constraints.positive)
    rate = pyro.param("rate_", torch.tensor(2.0), constraint=constraints.positive)
    pyro.sample("rate", dist.Gamma(shape, rate))


@config_enumerate
def mixture(y: Tensor = Y) -> None:
    weights = pyro.sample("weights", dist.Dirichlet(torch.ones(2)))
    with pyro.plate("components", 2):
        locs = pyro.sample("locs", dist.Normal(0.0, 10.0))
    with pyro.plate("rows", 8):
        k = pyro.sample("k", dist.Categorical(weights))
        pyro.sample("y", dist.Normal(locs[k], 5.0), obs=y)


MIXTURE = pyro.poutine.block(mixture, hide=["k"])


def coin(y: Tensor = Y) -> None:
    with pyro.plate("rows", 8):
        side = pyro.sample("side", dist.Bernoulli(0.3))
        pyro.sample("y", dist.Normal(10 * side, 5.0), obs=y)


def coin_guide(y: Tensor = Y) -> None:
    logits = pyro.param("logits", torch.zeros(8))
    with pyro.plate("rows", 8):
        pyro.sample("side", dist.Bernoulli(logits=logits))


def plain_loss(model: Any, guide: Any, *args: Any) -> Tensor:
    return Trace_ELBO().differentiable_loss(model, guide, *args) / 8


class Net(nn.Module):
    """A variational autoencoder of eight numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 4))
        self.decode = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 8))

    def model(self, y: Tensor) -> None:
        pyro.module("decoder", self.decode)
        with pyro.plate("batch", len(y)):
            z = pyro.sample("z", dist.Normal(0.0, torch.ones(2)).to_event(1))
            pyro.sample("y", dist.Normal(self.decode(z), 1.0).to_event(1), obs=y)

    def guide(self, y: Tensor) -> None:
        pyro.module("encoder", self.encode)
        loc, scale = self.encode(y).chunk(2, -1)
        with pyro.plate("batch", len(y)):
            pyro.sample("z", dist.Normal(loc, scale.exp()).to_event(1))


X = torch.randn(100, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LABELS = (X.sum(-1) > 0).to(torch.float64)


class Case(NamedTuple):
    """A model, its guide (or a class of guides), an objective, an optimiser, arguments."""

    name: str
    model: Callable[..., Any]
    guide: Any
    loss: Callable[[], Any] = Trace_ELBO
    optim: Callable[[], Any] = lambda: optim.Adam({"lr": 0.05})
    args: tuple[Any, ...] = ()


CASES = [
    Case("schools", schools, AutoNormal),
    Case("looped", schools, AutoNormal, lambda: Trace_ELBO(num_particles=2)),
    Case(
        "vectorised",
        schools,
        AutoNormal,
        lambda: Trace_ELBO(num_particles=3, vectorize_particles=True),
        lambda: optim.ClippedAdam({"lr": 0.05, "lrd": 0.99, "clip_norm": 5.0}),
    ),
    Case("mean_field", subsampled, AutoNormal, TraceMeanField_ELBO),
    Case("diagonal", schools, AutoDiagonalNormal, Trace_ELBO, lambda: optim.RMSprop({"lr": 0.01})),
    Case("full", schools, AutoMultivariateNormal, Trace_ELBO, lambda: optim.AdamW({"lr": 0.02})),
    Case("low_rank", schools, AutoLowRankMultivariateNormal),
    Case("iaf", schools, AutoIAFNormal),
    Case(
        "regression",
        regression,
        AutoNormal,
        Trace_ELBO,
        lambda: optim.SGD({"lr": 1e-3, "momentum": 0.9}),
        (X, LABELS),
    ),
    Case(
        "point",
        regression,
        AutoDelta,
        Trace_ELBO,
        lambda: optim.Adagrad({"lr": 0.1}),
        (X, LABELS),
    ),
    Case("enumerated", mixture, lambda _: AutoNormal(MIXTURE), TraceEnum_ELBO),
    Case("score", coin, lambda _: coin_guide, Trace_ELBO),
    Case("graph", coin, lambda _: coin_guide, TraceGraph_ELBO),
    Case("gamma", positive, lambda _: gamma_guide),
    Case("renyi", schools, AutoNormal, lambda: RenyiELBO(alpha=0.5, num_particles=3)),
    Case("function", schools, AutoNormal, lambda: plain_loss),
]


def build(case: Case) -> SVI:
    pyro.clear_param_store()
    pyro.set_rng_seed(4)
    return SVI(case.model, case.guide(case.model), case.optim(), case.loss())


def with_noise_of_run(svi: SVI, steps: int, *args: Any, then: Any = None) -> list[float]:
    """What a run of so many steps does, in torch; ``then`` follows each that has a key."""
    losses = [] if is_foreknown(svi, *args) else [svi.step(*args)]
    seed = new_seed()
    for step in range(len(losses), steps):
        with Counted(make_key(seed, step)):
            losses.append(svi.step(*args))
        if then is not None:
            then()
    return losses


def is_foreknown(svi: SVI, *args: Any) -> bool:
    """Whether the parameters are known before the first step; the objective has looked then."""
    loss = getattr(svi.loss_and_grads, "__self__", svi.loss_and_grads)
    return forecast(svi.model, svi.guide, loss, svi.optim, Call(args, {})) is not None


def params() -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in pyro.get_param_store().items()}


def quiet(svi: SVI, *args: Any, compile: bool | None = True, **kwargs: Any) -> SVIResult:
    return svi.run(*args, progress=False, compile=compile, **kwargs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_in_torch(case: Case) -> None:
    svi = build(case)
    expected = with_noise_of_run(svi, 25, *case.args)
    after, state = params(), svi.optim.get_state()
    svi = build(case)
    result = quiet(svi, 25, *case.args)
    assert result.why_not_compiled is None
    assert result.compiled_steps == (23 if is_foreknown(svi, *case.args) else 22)
    torch.testing.assert_close(result.losses, torch.tensor(expected), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(params(), after, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(svi.optim.get_state(), state, rtol=1e-8, atol=1e-8)


def test_modules_and_mini_batches() -> None:
    """A last batch of another size has its own code."""
    data = torch.cat([Y + k for k in range(10)]).reshape(10, 8) / 10
    loader = [data[:4], data[4:8], data[8:]]

    def fresh() -> SVI:
        pyro.clear_param_store()
        pyro.set_rng_seed(1)
        module = Net()
        return SVI(module.model, module.guide, optim.Adam({"lr": 0.01}), Trace_ELBO())

    svi = fresh()
    result = quiet(svi, batches=loader, epochs=8)
    assert result.why_not_compiled is None and result.compiled_steps == 24 - 1 - 2 * 2
    after = params()
    svi = fresh()
    losses = [svi.step(loader[0])]
    seed = new_seed()
    for step in range(1, 24):
        with Counted(make_key(seed, step)):
            losses.append(svi.step(loader[step % 3]))
    torch.testing.assert_close(result.losses, torch.tensor(losses), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(params(), after, rtol=1e-8, atol=1e-8)


def test_single_precision_is_computed_in_double() -> None:
    torch.set_default_dtype(torch.float32)
    svi = build(CASES[0])
    result = quiet(svi, 200, Y.float())
    assert result.why_not_compiled is None and result.compiled_steps > 190
    assert all(value.dtype is torch.float32 for value in params().values())


def test_a_seed_reproduces_and_a_run_goes_on() -> None:
    def run(*parts: int) -> tuple[Tensor, dict[str, Tensor]]:
        svi = build(CASES[0])
        return torch.cat([quiet(svi, n).losses for n in parts]), params()

    losses, after = run(60)
    again, after_again = run(60)
    assert torch.equal(losses, again)
    assert all(torch.equal(after[name], after_again[name]) for name in after)
    first, _ = run(30, 30)
    assert torch.equal(first[:30], losses[:30])


def test_the_next_run_has_the_code_and_notices_that_the_model_is_another() -> None:
    spread = [1.0]

    def model() -> None:
        z = pyro.sample("z", dist.Normal(0.0, spread[0]))
        pyro.sample("y", dist.Normal(z, 1.0), obs=torch.tensor(3.0))

    pyro.clear_param_store()
    svi = SVI(model, AutoNormal(model), optim.Adam({"lr": 0.03}), Trace_ELBO())
    assert quiet(svi, 30).compiled_steps == 28
    assert quiet(svi, 30).compiled_steps == 29  # the first step is made both ways
    assert copy.deepcopy(svi).last_run.compiled_steps == 29
    spread[0] = 0.1
    result = quiet(svi, 300)
    assert result.compiled_steps == 300 - 3 and result.why_not_compiled is None
    assert abs(pyro.param("AutoNormal.locs.z").item() - 3 * 0.01 / 1.01) < 0.05


@pytest.mark.filterwarnings("ignore:pyro.module.*not registered because requires_grad:UserWarning")
def test_the_next_run_notices_what_has_been_frozen() -> None:
    """The loss does not show it: gradients do."""
    line = nn.Linear(1, 1)

    def model() -> None:
        predicted = pyro.module("line", line)(Y[:, None]).squeeze(-1)
        with pyro.plate("J", 8):
            pyro.sample("y", dist.Normal(predicted, SD), obs=2 * Y)

    svi = SVI(model, lambda: None, optim.Adam({"lr": 0.01}), Trace_ELBO())
    for step, is_free in enumerate((True, False, True)):
        line.weight.requires_grad_(is_free)
        before = line.weight.detach().clone(), line.bias.detach().clone()
        result = quiet(svi, 60)
        assert torch.equal(line.weight, before[0]) is not is_free
        assert not torch.equal(line.bias, before[1])
        assert len(result.losses) == 60
        if step < 2:  # later the two have been updated different numbers of times
            assert result.why_not_compiled is None and result.compiled_steps > 50


def test_the_next_run_notices_another_gradient_of_the_same_loss() -> None:
    is_constant = [False]

    def model() -> None:
        a = pyro.param("a", torch.tensor(0.0))
        b = pyro.param("b", torch.tensor(0.0))
        pyro.sample("x", dist.Normal(a.detach() if is_constant[0] else a, 1.0), obs=Y[0])
        pyro.sample("y", dist.Normal(b, 1.0), obs=Y[1])

    svi = SVI(model, lambda: None, optim.Adam({"lr": 0.01}), Trace_ELBO())
    assert quiet(svi, 60).compiled_steps == 57
    is_constant[0] = True
    before = pyro.param("a").item()
    result = quiet(svi, 60)
    assert result.compiled_steps == 56 and result.why_not_compiled is None
    assert pyro.param("a").item() == before


def test_the_optimiser_goes_on_from_a_file(tmp_path) -> None:
    """A run in another process, with parameters, optimiser and generator restored, is the same."""
    svi = build(CASES[0])
    quiet(svi, 40)
    pyro.get_param_store().save(tmp_path / "params")
    svi.optim.save(tmp_path / "optim")
    state = pyro.get_rng_state()
    losses, after = quiet(svi, 40).losses, params()
    again = build(CASES[0])
    again.guide()
    pyro.get_param_store().load(tmp_path / "params")
    again.optim.load(tmp_path / "optim")
    pyro.set_rng_state(state)
    torch.testing.assert_close(quiet(again, 40).losses, losses, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(params(), after, rtol=1e-9, atol=1e-9)


def test_callbacks_see_current_parameters_and_may_stop() -> None:
    svi = build(CASES[0])
    seen: list[dict[str, Tensor]] = []

    def look(step: int, loss: float) -> bool:
        seen.append(params())
        return step == 40

    result = quiet(svi, 100, callbacks=look)
    assert result.stopped_by == "callback" and result.num_steps == 41
    assert result.compiled_steps > 30
    torch.testing.assert_close(seen[-1], params(), rtol=0, atol=0)
    moving = [
        float((a["AutoNormal.locs.mu"] - b["AutoNormal.locs.mu"]).abs())
        for a, b in itertools.pairwise(seen)
    ]
    assert min(moving) > 0


@pytest.mark.parametrize("lrd", [1.0, 1.1])
def test_the_best_state_is_restored(lrd: float) -> None:
    """The rate is far too large in the end, so the best state is not the last."""
    case = CASES[0]._replace(optim=lambda: optim.ClippedAdam({"lr": 0.02, "lrd": lrd}))
    seen: list[tuple[dict[str, Tensor], Any]] = []
    svi = build(case)
    quiet(svi, 60, window=10, callbacks=lambda *_: seen.append((params(), svi.optim.get_state())))
    svi = build(case)
    result = quiet(svi, 60, window=10, restore_best=True)
    best = seen[result.best_step - 1]
    assert result.restored_step == result.best_step
    torch.testing.assert_close(params(), best[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(svi.optim.get_state(), best[1], rtol=1e-9, atol=1e-9)
    svi.step()
    result.restore_best()
    torch.testing.assert_close(params(), best[0], rtol=1e-9, atol=1e-9)


def test_a_schedule_is_followed() -> None:
    def scheduled() -> Any:
        return optim.ExponentialLR(
            {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.1}, "gamma": 0.9}
        )

    case = CASES[0]._replace(optim=scheduled)
    svi = build(case)
    result = quiet(svi, 30)
    assert result.why_not_compiled is None and result.compiled_steps > 20
    after = params()
    svi = build(case)
    losses = with_noise_of_run(svi, 30, then=svi.optim.step)
    torch.testing.assert_close(result.losses, torch.tensor(losses), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(params(), after, rtol=1e-8, atol=1e-8)


def explosive() -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(z, 1.0, validate_args=False), obs=(z - 2).sqrt() * 0.0)


def explosive_guide() -> None:
    """The draw passes below two, where the model has no density, after some steps."""
    loc = pyro.param("loc", torch.tensor(3.0))
    pyro.sample("z", dist.Normal(loc, 0.01))


def test_what_is_not_finite_is_named_and_makes_no_update() -> None:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    svi = SVI(explosive, explosive_guide, optim.Adam({"lr": 0.02}), Trace_ELBO())
    with pytest.raises(NonFiniteError, match="site 'y' of the model"):
        quiet(svi, 500)
    assert svi.last_run is not None and svi.last_run.compiled_steps > 10
    assert svi.last_run.losses.isfinite().all()
    assert math.isfinite(pyro.param("loc").item())
    pyro.get_param_store()["loc"] = torch.tensor(2.02)
    with pytest.raises(NonFiniteError) as caught:
        quiet(svi, 500, non_finite="skip")
    assert any("21 steps in a row" in note for note in caught.value.__notes__)


def test_it_is_for_long_runs_and_can_be_switched_off() -> None:
    svi = build(CASES[0]._replace(loss=JitTrace_ELBO))
    assert quiet(svi, 20, compile=None).compiled_steps > 0
    svi = build(CASES[0])
    assert quiet(svi, 99, compile=None).compiled_steps == 0
    assert quiet(svi, 100, compile=None).compiled_steps > 0
    off = quiet(svi, 100, compile=False)
    assert off.compiled_steps == 0 and off.why_not_compiled is None
    with settings.context(compile_enabled=False):
        off = quiet(svi, 100)
    assert off.compiled_steps == 0 and off.why_not_compiled == "compile_enabled is False"
