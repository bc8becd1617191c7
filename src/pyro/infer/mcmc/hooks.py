"""Runs in which a function of the user's is called after each iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyro.infer.mcmc.mcmc_kernel import MCMCKernel, Params
from pyro.infer.mcmc.monitor import Silence
from pyro.infer.mcmc.native_engine import NativeRun
from pyro.infer.mcmc.task import Drawn, Task

Hook = Callable[[MCMCKernel, Params, str, int], Any]


def with_hook(run: NativeRun, task: Task, kernel: MCMCKernel, hook: Hook) -> Drawn:
    """All draws, the chains advanced together by one draw at a time.

    :param run: Chains that keep the draws of warm-up.
    :param hook: Called as ``hook(kernel, params, stage, i)`` for each chain, in turn.
    """
    drawn: Drawn | None = None
    for i in range(task.warmup):
        one = run.advance(1, Silence(), thinning=1)
        if one.interrupted:
            return one
        _tell(one, task, kernel, hook, "Warmup", i)
    for i in range(task.draws):
        one = run.advance(1, Silence())
        drawn = one if drawn is None else drawn.joined(one)
        if one.interrupted:
            break
        _tell(one, task, kernel, hook, "Sample", i)
    assert drawn is not None  # there is at least one draw
    return drawn


def _tell(drawn: Drawn, task: Task, kernel: MCMCKernel, hook: Hook, stage: str, i: int) -> None:
    dtype = task.posterior.reference.dtype
    for chain, place in enumerate(drawn.positions[:, -1]):
        label = f"{stage} [{chain}]" if task.chains > 1 else stage
        hook(kernel, task.posterior.flat.unflatten(place.to(dtype)), label, i)
