"""Schedules that run ahead of machine code, against those that are advanced after each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

import pyro
import pyro.distributions as dist
from pyro import optim
from pyro.infer import SVI, SVIResult, Trace_ELBO
from pyro.infer.fit.timetable import timetable_of

STEPS = 400  # more than rows of rates
MADE: list[int] = []
SOME = {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.02}}


class Halving(lr_scheduler.LRScheduler):
    """A schedule of the user's own, which might look at anything."""

    def get_lr(self) -> list[float]:
        return [0.1 / (1 + self.last_epoch // 50) for _ in self.base_lrs]


def model(x: torch.Tensor) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    pyro.factor("edge", 0.1 * (z + 0.8).clamp(min=0.0).log())  # infinite now and then
    pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def guide(x: torch.Tensor) -> None:
    loc = pyro.param("loc", torch.tensor(0.5, dtype=torch.float64))
    pyro.sample("z", dist.Normal(loc, 0.9))


def stages(**options: Any) -> Any:
    first = lambda o: lr_scheduler.LinearLR(o, total_iters=100)  # noqa: E731
    second = lambda o: lr_scheduler.ExponentialLR(o, 0.99)  # noqa: E731
    return optim.SequentialLR({**SOME, "schedulers": [first, second], "milestones": [120]})


def of(kind: Any, **options: Any) -> Callable[[], Any]:
    return lambda: kind({**SOME, **options})


AHEAD: dict[str, Callable[[], Any]] = {
    "exponential": of(optim.ExponentialLR, gamma=0.99),
    "one cycle": of(optim.OneCycleLR, max_lr=0.1, total_steps=STEPS + 1),
    "restarts": of(optim.CosineAnnealingWarmRestarts, T_0=7, T_mult=2),
    "function": of(optim.LambdaLR, lr_lambda=lambda step: 1 / (1 + step)),
    "one after another": stages,
}
STEP_BY_STEP: dict[str, Callable[[], Any]] = {
    "plateau": of(optim.ReduceLROnPlateau, patience=10),
    "own": lambda: optim.PyroLRScheduler(Halving, SOME),
    "rate that the optimiser moves": lambda: optim.ExponentialLR(
        {
            "optimizer": optim.ClippedAdam({}).pt_optim_constructor,
            "optim_args": {"lr": 0.02},
            "gamma": 0.99,
        }
    ),
}


def run(make: Callable[[], Any], **options: Any) -> tuple[SVIResult, Any]:
    pyro.clear_param_store()
    pyro.set_rng_seed(1)
    svi = SVI(model, guide, make(), Trace_ELBO())
    x = torch.tensor(2.0, dtype=torch.float64)
    try:
        result = svi.run(STEPS, x, compile=True, progress=False, non_finite="skip", **options)
    finally:
        assert svi.last_run is not None
        MADE.append(svi.last_run.num_steps)
    assert result.compiled_steps > STEPS - 60 and result.why_not_compiled is None
    return result, svi


@pytest.mark.parametrize(
    "make", [*AHEAD.values(), *STEP_BY_STEP.values()], ids=[*AHEAD, *STEP_BY_STEP]
)
def test_the_same_as_step_by_step(make: Callable[[], Any]) -> None:
    """Some steps are refused, after which the schedule goes back to where it should be."""
    expected, other = run(make, callbacks=lambda step, loss: None)
    found, svi = run(make)
    assert expected.skipped == found.skipped >= 2
    torch.testing.assert_close(found.losses, expected.losses, equal_nan=True, rtol=1e-8, atol=1e-8)
    state, before = svi.optim.get_state()["loc"], other.optim.get_state()["loc"]
    torch.testing.assert_close(
        state["optimizer"]["param_groups"][0]["lr"], before["optimizer"]["param_groups"][0]["lr"]
    )
    assert state["scheduler"]["last_epoch"] == before["scheduler"]["last_epoch"]


@pytest.mark.parametrize("make", AHEAD.values(), ids=AHEAD)
def test_several_steps_are_one_piece(make: Callable[[], Any]) -> None:
    _, svi = run(make)
    assert timetable_of(svi.optim) is not None
    assert all(stage.tape.follows for stage in svi._native._stages.values())


@pytest.mark.parametrize("make", STEP_BY_STEP.values(), ids=STEP_BY_STEP)
def test_what_may_depend_on_more_is_not_foreseen(make: Callable[[], Any]) -> None:
    _, svi = run(make)
    assert not any(stage.tape.follows for stage in svi._native._stages.values())


@pytest.mark.parametrize("options", [{}, {"callbacks": lambda step, loss: None}])
def test_a_schedule_that_ends_says_so_when_it_is_due(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"total_steps|total steps"):
        run(of(optim.OneCycleLR, max_lr=0.1, total_steps=100), **options)
    assert MADE[-1] == 101  # the first at the start of the schedule
