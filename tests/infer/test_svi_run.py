"""SVI.run: the same as a loop over step, and what surrounds it."""

from __future__ import annotations

import logging
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.infer import SVI, ReweightedWakeSleep, Trace_ELBO, TraceMeanField_ELBO
from pyro.infer.errors import InferenceError, NonFiniteError
from pyro.infer.fit import SVIResult
from pyro.infer.fit.monitor import Monitor
from pyro.infer.util import validation_enabled
from pyro.optim import SGD, Adam, ExponentialLR, ReduceLROnPlateau

X = torch.tensor([0.3, -1.2, 0.8, 2.0])


def model(x: Tensor = X, sd: float = 1.0) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", 4, subsample_size=len(x)):
        pyro.sample("x", dist.Normal(z, sd), obs=x)


def guide(x: Tensor = X, sd: float = 1.0) -> None:
    loc = pyro.param("loc", torch.tensor(0.0))
    scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
    pyro.sample("z", dist.Normal(loc, scale))


def fresh(optim: Any = None, loss: Any = None, **kwargs: Any) -> SVI:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    return SVI(model, guide, optim or Adam({"lr": 0.05}), loss or Trace_ELBO(), **kwargs)


def params() -> dict[str, float]:
    return {name: value.item() for name, value in pyro.get_param_store().items()}


def quiet(svi: SVI, *args: Any, **kwargs: Any) -> SVIResult:
    return svi.run(*args, progress=False, **kwargs)


def test_a_run_is_a_loop_over_step() -> None:
    svi = fresh()
    losses = [svi.step(X, sd=2.0) for _ in range(37)]
    after = params()
    for parts in ((37,), (20, 17)):  # and goes on where another one ended
        svi = fresh()
        results = [quiet(svi, n, X, sd=2.0) for n in parts]
        assert torch.cat([result.losses for result in results]).tolist() == losses
        assert params() == after
        assert svi.last_run is results[-1] and results[-1].stopped_by == "all steps"
    assert results[0].losses.dtype == torch.float64


def test_it_stops_when_the_loss_has_settled() -> None:
    svi = fresh(loss=TraceMeanField_ELBO(num_particles=20, vectorize_particles=True))
    result = quiet(svi, 20_000, X, tol=1e-3, window=40, restore_best=True)
    assert result.converged and result.stopped_by == "converged"
    assert 200 < result.num_steps < 2000 and result.num_steps % result.window == 0
    assert "converged; loss" in repr(result)
    assert abs(params()["loc"] - X.sum().item() / 5) < 0.15
    assert not quiet(fresh(), 20, X).converged


def falling(rate: float, noise: float) -> Iterator[float]:
    torch.manual_seed(0)
    for step in range(4000):
        yield 20.0 + 10 * math.exp(-rate * step) + noise * torch.randn(()).item()


LOSSES: dict[str, tuple[Callable[[], Iterator[float]], bool]] = {
    "settled": (lambda: falling(0.01, 0.5), True),
    "still falling": (lambda: falling(0.0005, 0.01), False),
    "rising": (lambda: (20.0 + 0.01 * step for step in range(4000)), False),
    "heavy tails": (
        lambda: (x + 1e6 * (i % 9 == 0) for i, x in enumerate(falling(0.01, 0.5))),
        True,
    ),
    "never finite": (lambda: iter([math.nan] * 4000), False),
}


@pytest.mark.parametrize("name", LOSSES)
def test_rule_of_convergence(name: str) -> None:
    """With noise, every second window or so fulfils the rule: 4000 losses are plenty."""
    losses, expected = LOSSES[name]
    monitor = Monitor(window=100, tol=1e-3, patience=5)
    found = False
    for loss in losses():
        monitor.add([loss])
        found = found or monitor.converged
    assert found is expected
    if expected:
        assert abs(monitor.best - 20) < 1 and abs(monitor.smoothed - 20) < 1


def test_best_state_and_that_of_the_optimiser_are_restored() -> None:
    """The rate is far too large in the end, so the best state is not the last."""
    optim = ExponentialLR({"optimizer": torch.optim.SGD, "optim_args": {"lr": 0.01}, "gamma": 1.03})
    svi = fresh(optim, Trace_ELBO(num_particles=4))
    seen: list[dict[str, float]] = []
    result = quiet(
        svi,
        120,
        X,
        window=10,
        restore_best=True,
        callbacks=lambda step, loss: seen.append(params()),
    )
    assert 0 < result.best_step < 120 and result.restored_step == result.best_step
    assert params() == seen[result.best_step - 1] != seen[-1]
    state = optim.get_state()["loc"]["optimizer"]["param_groups"][0]
    assert state["lr"] == pytest.approx(0.01 * 1.03 ** (result.best_step - 1), rel=1e-3)
    svi.step(X)
    result.restore_best()
    assert params() == seen[result.best_step - 1]
    with pytest.raises(InferenceError, match="smaller window"):
        quiet(fresh(), 5, X).restore_best()


def test_callbacks_see_each_step_and_may_stop_it() -> None:
    seen: list[tuple[int, float]] = []

    def stop(step: int, loss: float) -> None:
        if step == 6:
            raise StopIteration

    for callbacks in ([lambda *a: seen.append(a), stop], [stop, lambda *a: seen.append(a)]):
        seen.clear()
        result = quiet(fresh(), 100, X, callbacks=callbacks)
        assert result.stopped_by == "callback" and result.num_steps == 7
        assert seen == list(enumerate(result.losses.tolist()))
    assert quiet(fresh(), 100, X, callbacks=lambda step, loss: step == 3).num_steps == 4


def test_nothing_is_lost_after_an_error_or_an_interrupt() -> None:
    def fail(step: int, loss: float) -> None:
        if step == 11:
            raise KeyError("mine")

    svi = fresh()
    with pytest.raises(KeyError, match="mine"):
        quiet(svi, 100, X, callbacks=fail, compile=False)
    assert svi.last_run is not None and svi.last_run.stopped_by == "error"
    assert svi.last_run.num_steps == 12
    reached = params()
    assert quiet(fresh(), 12, X).losses.tolist() == svi.last_run.losses.tolist()
    assert params() == reached


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_returns_what_there_is() -> None:
    def interrupted_guide(x: Tensor) -> None:
        guide(x)
        calls.append(1)
        if len(calls) == 8:
            signal.raise_signal(signal.SIGINT)

    calls: list[int] = []
    svi = fresh()
    svi.guide = interrupted_guide
    result = quiet(svi, 100, X, restore_best=True, window=2, compile=False)
    assert result.interrupted and result.num_steps == 7 and result.restored_step is None
    reached = params()
    quiet(fresh(), 7, X)
    assert params() == reached
    assert all(leaf.grad is None for _, leaf in pyro.get_param_store().named_parameters())


@pytest.mark.parametrize("attempt", range(4))
def test_ctrl_c_in_machine_code_loses_no_step(attempt: int) -> None:
    seconds = 0.3 + 0.017 * attempt
    while (result := interrupted_after(seconds)).num_steps < 1000:  # not yet in machine code
        seconds *= 2
    reached, losses = params(), result.losses.tolist()
    assert quiet(fresh(), result.num_steps, X).losses.tolist() == losses
    assert params() == reached


def interrupted_after(seconds: float) -> SVIResult:
    svi = fresh()
    timer = threading.Timer(seconds, signal.raise_signal, [signal.SIGINT])
    timer.start()
    result = quiet(svi, 50_000_000, X)
    timer.join()
    assert result.interrupted and result.num_steps < 50_000_000
    return result


class Batches(IterableDataset[Tensor]):
    """Two parts of the data, of different sizes."""

    def __iter__(self) -> Iterator[Tensor]:
        return iter([X[:3], X[3:]])


LOADERS: dict[str, tuple[Any, int]] = {
    "list of tensors": ([X[:2], X[2:]], 2),
    "list of tuples": ([(X[:2], 2.0), (X[2:], 2.0)], 2),
    "list of dicts": ([{"x": X[:2]}, {"x": X[2:], "sd": 2.0}], 2),
    "loader with a ragged batch": (DataLoader(TensorDataset(X), batch_size=3), 2),
    "stream": (DataLoader(Batches(), batch_size=None), 2),
}


@pytest.mark.parametrize("name", LOADERS)
def test_batches(name: str) -> None:
    loader, size = LOADERS[name]
    result = quiet(fresh(), batches=loader, epochs=5)
    assert result.num_steps == 5 * size and result.epoch_ends == tuple(range(2, 11, 2))
    assert torch.equal(result.epoch_losses, result.losses.reshape(5, size).mean(1))
    limited = quiet(fresh(), 7, batches=loader, epochs=5)
    assert torch.equal(limited.losses, result.losses[:7])
    assert quiet(fresh(), 3, batches=loader).num_steps == 3


def test_batches_meet_the_arguments_of_the_user() -> None:
    svi = fresh()
    result = quiet(svi, 2, 2.0, batches=[X[:2], X[2:]])
    svi = fresh()
    assert result.losses.tolist() == [svi.step(X[:2], 2.0), svi.step(X[2:], 2.0)]
    result = quiet(fresh(), 2, batches=[X[:2], X[2:]], sd=2.0)
    svi = fresh()
    assert result.losses.tolist() == [svi.step(X[:2], sd=2.0), svi.step(X[2:], sd=2.0)]


@pytest.mark.parametrize(("schedule", "advances"), [(None, 3), ("epoch", 3), ("step", 6)])
def test_schedules(schedule: Any, advances: int) -> None:
    make = lambda: ExponentialLR(  # noqa: E731
        {"optimizer": torch.optim.SGD, "optim_args": {"lr": 0.01}, "gamma": 0.5}
    )
    optim = make()
    quiet(fresh(optim), batches=[X[:2], X[2:]], epochs=3, schedule=schedule)
    rate = optim.get_state()["loc"]["optimizer"]["param_groups"][0]["lr"]
    assert rate == pytest.approx(0.01 * 0.5**advances)
    optim = make()
    quiet(fresh(optim), 4, X)
    rate = optim.get_state()["loc"]["optimizer"]["param_groups"][0]["lr"]
    assert rate == pytest.approx(0.01 * 0.5**4)


def test_a_schedule_that_looks_at_the_loss_is_given_it() -> None:
    args = {"optimizer": torch.optim.SGD, "optim_args": {"lr": 1e-6}, "patience": 3}
    optim = ReduceLROnPlateau(args)
    quiet(fresh(optim), 200, X)
    assert optim.get_state()["loc"]["optimizer"]["param_groups"][0]["lr"] < 1e-6


def breaking(at: set[int]) -> Callable[..., None]:
    """A model whose density at one datum is NaN in some runs."""
    runs: list[int] = []

    def program(x: Tensor) -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        runs.append(1)
        with pyro.plate("data", 4):
            if len(runs) - 1 in at:
                x = torch.tensor([x[0], x[1], math.nan, x[3]])
            pyro.sample("x", dist.Normal(z, 1.0, validate_args=False), obs=x)

    return program


def test_a_loss_that_is_not_finite_stops_the_run_in_the_best_state() -> None:
    svi = fresh(loss=Trace_ELBO(num_particles=1))
    svi.model = breaking({25})
    seen: list[dict[str, float]] = []
    with pytest.raises(NonFiniteError, match="site 'x' of the model, 1 of 4 elements") as caught:
        quiet(
            svi,
            100,
            X,
            window=10,
            callbacks=lambda step, loss: seen.append(params()),
            compile=False,  # the model counts its runs
        )
    assert "stopped at step 25" in caught.value.__notes__[0]
    assert svi.last_run is not None and svi.last_run.stopped_by == "not finite"
    assert svi.last_run.num_steps == 25 and svi.last_run.restored_step in (10, 20)
    assert params() == seen[svi.last_run.best_step - 1]
    assert all(leaf.grad is None for _, leaf in pyro.get_param_store().named_parameters())


def test_a_first_loss_that_is_not_finite_leaves_the_parameters_alone() -> None:
    svi = fresh()
    svi.model = breaking({0})
    with pytest.raises(NonFiniteError) as caught:
        quiet(svi, 100, X)
    assert "those before the step" in caught.value.__notes__[0]
    assert params() == {"loc": 0.0, "scale": 1.0}


def test_steps_that_are_not_finite_may_be_skipped() -> None:
    svi = fresh()
    svi.model = breaking({5, 6, 9})
    result = quiet(svi, 30, X, non_finite="skip")
    assert result.skipped == 3 and result.num_steps == 30
    assert result.losses.isnan().nonzero().flatten().tolist() == [5, 6, 9]
    assert math.isfinite(result.loss) and "3 skipped" in repr(result)
    svi = fresh()
    svi.model = breaking(set(range(4, 100)))
    with pytest.raises(NonFiniteError) as caught:
        quiet(svi, 100, X, non_finite="skip")
    assert any("21 steps in a row" in note for note in caught.value.__notes__)


def test_gradients_and_plain_losses_are_looked_at_before_the_update() -> None:
    def sqrt_at_zero(model: Any, guide: Any) -> Tensor:
        return pyro.param("a", torch.tensor(0.0)).abs().sqrt()

    def infinite(model: Any, guide: Any) -> Tensor:
        return pyro.param("a", torch.tensor(0.0)) + math.inf

    for loss, text in ((sqrt_at_zero, "gradient of parameter 'a'"), (infinite, "the loss is inf")):
        with pytest.raises(NonFiniteError, match=text):
            quiet(fresh(loss=loss), 3)
        assert params() == {"a": 0.0}


def test_without_validation_the_loss_alone_is_looked_at() -> None:
    def exploding(model: Any, guide: Any) -> Tensor:
        return pyro.param("a", torch.tensor(1.0)) ** 4

    svi = fresh(SGD({"lr": 10.0}), exploding)
    with validation_enabled(False):
        with pytest.raises(NonFiniteError, match="the loss is"):
            quiet(svi, 300, window=1)
    assert all(map(math.isfinite, params().values()))


def test_parameters_that_are_not_finite_do_not_survive_an_error() -> None:
    def spoiling(step: int, loss: float) -> None:
        if step == 15:
            pyro.get_param_store().unconstrained("loc").data.fill_(math.nan)

    with pytest.raises(ValueError, match="Expected parameter loc") as caught:
        quiet(fresh(), 100, X, window=10, callbacks=spoiling)
    assert "those after step 10" in caught.value.__notes__[-1]
    assert all(map(math.isfinite, params().values()))


def test_losses_that_are_tuples() -> None:
    def switch(observations: Any = None) -> None:
        k = pyro.sample("k", dist.Bernoulli(0.5))
        x = None if observations is None else observations["x"]
        pyro.sample("x", dist.Normal(2.0 * k, 1.0), obs=x)

    def recognise(observations: Any) -> None:
        slope = pyro.param("slope", torch.tensor(0.0))
        pyro.sample("k", dist.Bernoulli(logits=slope * observations["x"]))

    loss = ReweightedWakeSleep(4, model_has_params=False)
    svi = SVI(switch, recognise, Adam({"lr": 0.05}), loss)
    result = quiet(svi, 30, observations={"x": torch.tensor(1.0)})
    assert result.losses.shape == (30, 2) and math.isfinite(result.loss)


def test_progress_without_a_terminal_is_lines(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("pyro")
    logger.addHandler(caplog.handler)
    try:
        fresh().run(20, X)
        quiet(fresh(), 20, X)
    finally:
        logger.removeHandler(caplog.handler)
    assert len(caplog.messages) == 1 and caplog.messages[0].startswith("SVI: 20 steps in ")


def test_progress_on_a_terminal_is_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fresh().run(20, X)
    shown = capsys.readouterr().err
    assert "20/20" in shown and "loss" in shown


ERRORS: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "no steps": ((), {}, "first argument is the number of steps, but got nothing"),
    "data in place of steps": ((X,), {}, "first argument is the number of steps, but got Tensor"),
    "zero": ((0,), {}, "at least 1, but is 0"),
    "patience": ((1,), {"patience": 0}, "patience must be at least 1"),
    "tol": ((1,), {"tol": -1.0}, "tol must not be negative"),
    "policy": ((1,), {"non_finite": "warn"}, "non_finite must be one of"),
    "schedule": ((1,), {"schedule": "step"}, "needs an optimiser with a schedule"),
    "epochs": ((), {"epochs": 3}, "epochs needs batches"),
    "no batch": ((), {"epochs": 3, "batches": []}, "no batch in pass 1"),
    "iterator": ((), {"epochs": 3, "batches": iter([X])}, "pass 2. An iterator can be passed"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    args, kwargs, text = ERRORS[name]
    with pytest.raises(InferenceError, match=text):
        quiet(fresh(), *args, **kwargs)


def test_an_option_that_is_an_argument_of_the_model_is_refused() -> None:
    def with_tol(tol: float) -> None:
        pyro.sample("z", dist.Normal(0.0, tol))

    svi = fresh()
    svi.model = with_tol
    with pytest.raises(
        InferenceError, match=r"'tol' is an option of run and an argument of with_t"
    ):
        quiet(svi, 10, tol=0.1)


def test_the_deprecated_run_still_works() -> None:
    with pytest.warns(FutureWarning, match="num_samples and num_steps"):
        svi = fresh(num_samples=3, num_steps=5)
    with pytest.warns(FutureWarning, match="in the constructor is deprecated"):
        posterior: Any = svi.run(X, sd=2.0)
    assert posterior is svi and len(svi.exec_traces) == 3
    after = params()
    svi = fresh()
    for _ in range(5):
        svi.step(X, sd=2.0)
    assert params() == after
