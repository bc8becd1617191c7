"""How a warm-up is divided, and what it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels import dual_averaging, welford
from pyro.infer.mcmc.kernels.dual_averaging import DualAveraging
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.mass_estimate import (
    fisher_dense,
    fisher_diagonal,
    stan_dense,
    stan_diagonal,
)
from pyro.infer.mcmc.kernels.metric import Metric
from pyro.infer.mcmc.kernels.welford import Moments

Rule = Literal["fisher", "stan"]
_FEW = 20  # iterations with which only the step size is learnt
_QUORUM = 0.9  # of pooled chains, before their step size is changed


class Window(NamedTuple):
    """A part of a warm-up: its iterations, and whether the metric is estimated from them."""

    length: int
    metric: bool


def schedule(warmup: int, rule: Rule, pooled: bool, metric: bool) -> tuple[Window, ...]:
    """The windows of a warm-up.

    "stan": a buffer of 75, windows of 25, 50, 100, ... and a buffer of 50, or 15, 75 and 10 percent
    of shorter warm-ups. "fisher": windows that double from the first iteration on, from 4 if chains
    are pooled or 10, and a last buffer of a tenth, but 10 at least, since gradients tell of scales
    before a chain has arrived.

    Stan reference manual, *Automatic parameter tuning*.
    """
    if not metric or warmup < _FEW:
        return (Window(warmup, False),) if warmup else ()
    if rule == "fisher":
        first, base, last = 0, 4 if pooled else 10, max(min(10, warmup // 3), warmup // 10)
    elif warmup >= 150:
        first, base, last = 75, 25, 50
    else:
        first, last = int(0.15 * warmup), int(0.1 * warmup)
        base = warmup - first - last
    lengths = _doubling(base, warmup - first - last)
    windows = [Window(first, False), *(Window(n, True) for n in lengths), Window(last, False)]
    return tuple(window for window in windows if window.length)


def _doubling(base: int, total: int) -> list[int]:
    """Lengths that double and fill the total; the last takes what is too short for another."""
    lengths: list[int] = []
    while total > 0:
        length = base if total >= 3 * base else total
        lengths.append(length)
        total, base = total - length, 2 * base
    return lengths


class Lesson(NamedTuple):
    """What a window has taught so far.

    :param steps: Dual averaging, of each chain or, if ``(1,)``, of all.
    :param draws: The moments of the draws, if the metric is to be estimated.
    :param gradients: The moments of the gradients at the draws.
    :param heard: Of pooled chains, the acceptance rates with the present step size; nan for those
        that have not completed a transition with it, ``(chains,)``; of others, empty.
    """

    steps: DualAveraging
    draws: Moments | None
    gradients: Moments | None
    heard: Tensor

    @property
    def pooled(self) -> bool:
        """Whether one step size serves all chains."""
        return len(self.heard) > 0


def begin(
    step_size: Tensor, dim: int, *, pooled: bool, metric: bool, dense: bool, ambition: float
) -> Lesson:
    """The beginning of a window.

    :param step_size: Of each chain, ``(chains,)``.
    :param ambition: See :func:`~pyro.infer.mcmc.kernels.dual_averaging.init`.
    """
    chains = None if pooled else len(step_size)
    device = step_size.device

    def moments() -> Moments | None:
        return welford.init(dim, chains, dense, device) if metric else None

    steps = dual_averaging.init(step_size[:1] if pooled else step_size, ambition)
    return Lesson(
        steps,
        moments(),
        moments(),
        torch.full_like(step_size if pooled else step_size[:0], torch.nan),
    )


def learn(
    lesson: Lesson, chains: Tensor, finished: Finished, target: float, step_size: Tensor
) -> Lesson:
    """Learn from transitions.

    The step size of pooled chains is changed when nine tenths of them have completed a transition
    with it, and each counts once. Otherwise the transitions that end first, which are those that
    are rejected after a few steps, would be heard most.

    :param chains: Whose they are, ``(n,)``.
    :param target: The acceptance rate to reach.
    :param step_size: For transitions that begin now, of all chains, ``(chains,)``.
    """
    draws, gradients = lesson.draws, lesson.gradients
    if draws is not None and gradients is not None:
        draws = welford.add(draws, chains, finished.position)
        gradients = welford.add(gradients, chains, finished.gradient)
    steps, heard = lesson.steps, lesson.heard
    if not lesson.pooled:
        steps = dual_averaging.update(steps, chains, finished.acceptance, target)
        return Lesson(steps, draws, gradients, heard)
    fresh = (finished.step_size == step_size[chains]) & heard[chains].isnan()
    heard = heard.index_put((chains[fresh],), finished.acceptance[fresh])
    known = heard.isfinite()
    if int(known.sum()) >= _QUORUM * len(heard):
        first = torch.zeros(1, dtype=torch.long, device=chains.device)
        steps = dual_averaging.update(steps, first, heard[known].mean()[None], target)
        heard = torch.full_like(heard, torch.nan)
    return Lesson(steps, draws, gradients, heard)


def estimate(lesson: Lesson, rule: Rule, blocks: Sequence[Sequence[int]] | None) -> Metric:
    """The metric that a window has taught, in double precision.

    :param blocks: The coordinates of each dense block; None for one block of all, empty for none.
    """
    draws, gradients = lesson.draws, lesson.gradients
    assert draws is not None
    assert gradients is not None
    dense = blocks is None or len(blocks) > 0
    if rule == "stan":
        return stan_dense(draws, blocks) if dense else stan_diagonal(draws)
    if dense:
        return fisher_dense(draws, gradients, blocks)
    return fisher_diagonal(draws, gradients)
