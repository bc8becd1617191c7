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
from pyro.infer.fit.compiled.timetable import timetable_of
from pyro.optim import pytorch_schedulers

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


def stages(milestone: int = 11) -> Any:
    first = lambda o: lr_scheduler.LinearLR(o, total_iters=100)  # noqa: E731
    second = lambda o: lr_scheduler.ExponentialLR(o, 0.99)  # noqa: E731
    return optim.SequentialLR({**SOME, "schedulers": [first, second], "milestones": [milestone]})


def chained() -> Any:
    first = lambda o: lr_scheduler.ConstantLR(o, factor=0.1, total_iters=10)  # noqa: E731
    second = lambda o: lr_scheduler.ExponentialLR(o, 0.9)  # noqa: E731
    return optim.ChainedScheduler({**SOME, "schedulers": [first, second]})


def of(kind: Any, **options: Any) -> Callable[[], Any]:
    return lambda: kind({**SOME, **options})


ALL: dict[str, Callable[[], Any]] = {
    "ConstantLR": of(optim.ConstantLR, factor=0.3, total_iters=7),
    "CosineAnnealingLR": of(optim.CosineAnnealingLR, T_max=9, eta_min=0.001),
    "CosineAnnealingWarmRestarts": of(optim.CosineAnnealingWarmRestarts, T_0=7, T_mult=2),
    "CyclicLR": of(optim.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=5, mode="exp_range"),
    "ExponentialLR": of(optim.ExponentialLR, gamma=0.99),
    "LambdaLR": of(optim.LambdaLR, lr_lambda=lambda step: 1 / (1 + step)),
    "LinearLR": of(optim.LinearLR, total_iters=12),
    "MultiStepLR": of(optim.MultiStepLR, milestones=[3, 12, 12], gamma=0.7),
    "MultiplicativeLR": of(optim.MultiplicativeLR, lr_lambda=lambda step: 1 - 0.5 / (1 + step)),
    "OneCycleLR": of(optim.OneCycleLR, max_lr=0.1, total_steps=60, three_phase=True),
    "PolynomialLR": of(optim.PolynomialLR, total_iters=15, power=1.7),
    "SequentialLR": stages,
    "ChainedScheduler": chained,
    "StepLR": of(optim.StepLR, step_size=6, gamma=0.3),
}


@pytest.mark.parametrize("name", sorted(pytorch_schedulers.ALL.keys() - {"ReduceLROnPlateau"}))
@pytest.mark.parametrize("before", [0, 1, 2, 8])
def test_rows_are_those_of_torch_bit_for_bit(name: str, before: int) -> None:
    """Rates, momenta, and the whole state, after so many steps, and from there on or back."""

    def made() -> tuple[Any, Callable[[int], list[Any]]]:
        optimiser = ALL[name]()
        leaves = [torch.zeros((), requires_grad=True) for _ in range(2)]
        for leaf in leaves:  # each has a schedule of its own
            leaf.grad = torch.ones(())
            optimiser([leaf])
        for _ in range(before):
            optimiser.step()
        groups = [group for c in optimiser.cohorts for group in c.optimizer.param_groups]
        return optimiser, lambda k: [x for g in groups for x in (g["lr"], *g["betas"])]

    (ahead, numbers), (behind, expected) = made(), made()
    table = timetable_of(ahead)
    assert table is not None
    for n, kept in ((1, 1), (20, 20), (9, 9), (7, 4), (5, 1), (3, 3)):
        table.mark()
        rows = [expected(0)]
        for _ in range(kept - 1):
            behind.step()
            rows.append(expected(0))
        assert table.rows(numbers, n)[:kept] == rows
        if kept < n:
            table.go_back(kept - 1)
        assert whole(ahead) == whole(behind)


def whole(optimiser: Any) -> Any:
    """The state of the schedule and the parameter groups; functions and generators left out."""
    groups = [group for c in optimiser.cohorts for group in c.optimizer.param_groups]
    options = [{name: x for name, x in g.items() if name != "params"} for g in groups]
    return options, [plain(c.scheduler) for c in optimiser.cohorts]


def plain(scheduler: Any) -> Any:
    inner = [plain(s) for s in getattr(scheduler, "_schedulers", ())]
    skipped = ("optimizer", "_schedulers", "_scale_fn_ref", "lr_lambdas")
    return inner, {name: x for name, x in vars(scheduler).items() if name not in skipped}


AHEAD: dict[str, Callable[[], Any]] = {
    "exponential": of(optim.ExponentialLR, gamma=0.99),
    "one cycle": of(optim.OneCycleLR, max_lr=0.1, total_steps=STEPS + 1),
    "restarts": of(optim.CosineAnnealingWarmRestarts, T_0=7, T_mult=2),
    "function": of(optim.LambdaLR, lr_lambda=lambda step: 1 / (1 + step)),
    "optimiser that might move rates": of(
        optim.ExponentialLR, optimizer=optim.ClippedAdam({}).pt_optim_constructor, gamma=0.99
    ),
    "one after another": lambda: stages(120),
}
STEP_BY_STEP: dict[str, Callable[[], Any]] = {
    "plateau": of(optim.ReduceLROnPlateau, patience=10),
    "own": lambda: optim.PyroLRScheduler(Halving, SOME),
    "rate that the optimiser moves": lambda: optim.ExponentialLR(
        {
            "optimizer": optim.ClippedAdam({}).pt_optim_constructor,
            "optim_args": {"lr": 0.02, "lrd": 0.999},
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
    assert torch.equal(found.losses.nan_to_num(), expected.losses.nan_to_num())
    assert whole(svi.optim) == whole(other.optim)


@pytest.mark.parametrize("make", AHEAD.values(), ids=AHEAD)
def test_several_steps_are_one_piece(make: Callable[[], Any]) -> None:
    _, svi = run(make)
    assert timetable_of(svi.optim) is not None
    assert all(stage.tape.follows for stage in svi._choice.made._stages)


@pytest.mark.parametrize("make", STEP_BY_STEP.values(), ids=STEP_BY_STEP)
def test_what_may_depend_on_more_is_not_foreseen(make: Callable[[], Any]) -> None:
    _, svi = run(make)
    assert not any(stage.tape.follows for stage in svi._choice.made._stages)


@pytest.mark.parametrize("options", [{}, {"callbacks": lambda step, loss: None}])
def test_a_schedule_that_ends_says_so_when_it_is_due(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"total_steps|total steps"):
        run(of(optim.OneCycleLR, max_lr=0.1, total_steps=100), **options)
    assert MADE[-1] == 101  # the first at the start of the schedule
