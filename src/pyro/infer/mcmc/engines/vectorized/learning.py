"""What the chains of the vectorised engine learn in warm-up, and how far it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyro.infer.mcmc.engines.specification import mass_blocks
from pyro.infer.mcmc.engines.task import Task
from pyro.infer.mcmc.kernels import chees, warmup, welford
from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
from pyro.infer.mcmc.kernels.chees import TrajectoryLength
from pyro.infer.mcmc.kernels.dual_averaging import DualAveraging
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.hmc import HmcState
from pyro.infer.mcmc.kernels.metric import DenseMetric, DiagonalMetric, Metric, identity
from pyro.infer.mcmc.kernels.step_search import reasonable_step
from pyro.infer.mcmc.kernels.warmup import Lesson, Window
from pyro.infer.model.logdensity import LogDensity

_AMBITION = 10.0  # of step sizes, as Stan has it


class Learning:
    """Step sizes, metric and trajectory length, adapted window by window.

    ``metric`` and ``length`` are what was learnt last; ``index`` is how many transitions each chain
    has made.

    :param pooled: Whether chains learn together.
    """

    def __init__(self, task: Task, density: LogDensity, like: Tensor, pooled: bool) -> None:
        t = self._trajectories = task.trajectories
        self._density, self._like, self._chains = density, like, task.chains
        self.pooled = pooled
        self._walks = t.kind == "walk"
        self._rule: warmup.Rule = "stan" if self._walks else t.adaptation
        self._blocks = None if t.low_rank else mass_blocks(t.full_mass, task.posterior.flat)
        self._windows = list(warmup.schedule(task.warmup, self._rule, pooled, t.adapt_mass_matrix))
        self._made = 0
        self._search = t.adapt_step_size and not self._walks
        self._lesson: Lesson | None = None
        self._now: Tensor | None = None  # what the lesson says of step sizes, once it is asked
        self._steps = torch.full(
            (task.chains,), float(t.step_size), dtype=torch.double, device=like.device
        )
        self.metric: Metric = identity(density.dim, like)
        self.length: TrajectoryLength = chees.init(t.trajectory_length or 1.0)
        self.index = 0

    @property
    def left(self) -> int:
        """Iterations until the window of the warm-up ends; zero after warm-up."""
        return self._windows[0].length - self._made if self._windows else 0

    @property
    def left_in_all(self) -> int:
        """Iterations until warm-up ends."""
        return sum(window.length for window in self._windows) - self._made

    def prepare(self, state: HmcState, generator: ChainGenerator) -> None:
        """Before transitions: if a window begins, find step sizes and begin to learn."""
        if not self._windows or self._lesson is not None:
            return
        if self._search:
            self._steps = reasonable_step(
                state,
                self._density,
                metric=self.metric,
                step_size=self._steps,
                generator=generator,
                pooled=self.pooled,
            )
        dense = self._blocks is None or len(self._blocks) > 0
        self._now = None
        self._lesson = warmup.begin(
            self._steps,
            self._density.dim,
            pooled=self.pooled,
            metric=self._windows[0].metric,
            dense=dense,
            ambition=_AMBITION if self._rule == "stan" and not self.pooled else 1.0,
        )

    def step_size(self) -> Tensor:
        """The step sizes for transitions that begin now, ``(chains,)``."""
        if self._lesson is None or not self._trajectories.adapt_step_size:
            return self._steps
        if self._now is None:
            self._now = self._bounded(self._lesson.steps.log_step)
        return self._now

    def _bounded(self, log_step: Tensor) -> Tensor:
        t = self._trajectories
        return log_step.exp().clamp_(t.min_step_size, t.max_step_size).expand(self._chains)

    def learn(self, chains: Tensor, finished: Finished) -> None:
        """Learn from the transitions of some chains."""
        if self._lesson is not None:
            target = self._trajectories.target_accept_prob
            steps = self.step_size()
            self._lesson = warmup.learn(self._lesson, chains, finished, target, steps)
            self._now = None

    def close(self, length: int) -> None:
        """After ``length`` transitions of each chain: if a window ends, use what it has taught."""
        self.index += length
        lesson = self._lesson
        if lesson is None:
            return
        self._made += length
        if self.left:
            return
        metric = self._windows.pop(0).metric
        self._made, self._lesson = 0, None
        adapts = self._trajectories.adapt_step_size
        if metric:
            self.metric = _cast(warmup.estimate(lesson, self._rule, self._blocks), self._like)
        self._search = metric and adapts and not self._walks
        if adapts:
            self._steps = self._bounded(lesson.steps.log_average).contiguous()

    def save(self) -> dict[str, Any]:
        """Tensors and numbers that say everything."""
        lesson = self._lesson
        return {
            "windows": [tuple(window) for window in self._windows],
            "made": self._made,
            "search": self._search,
            "steps": self._steps,
            "dense": isinstance(self.metric, DenseMetric),
            "metric": self.metric[0],  # type: ignore[index]
            "length": tuple(self.length),
            "index": self.index,
            "lesson": None
            if lesson is None
            else (
                tuple(lesson.steps),
                None if lesson.draws is None else tuple(lesson.draws),
                None if lesson.gradients is None else tuple(lesson.gradients),
                lesson.heard,
            ),
        }

    def load(self, saved: dict[str, Any]) -> None:
        """Take over what :meth:`save` has said."""
        self._windows = [Window(*window) for window in saved["windows"]]
        self._made, self._search = saved["made"], saved["search"]
        self._steps = saved["steps"]
        self.metric = (DenseMetric if saved["dense"] else DiagonalMetric)(saved["metric"])
        self.length, self.index = TrajectoryLength(*saved["length"]), saved["index"]
        self._lesson = self._now = None
        if saved["lesson"] is not None:
            steps, draws, gradients, heard = saved["lesson"]
            self._lesson = Lesson(
                DualAveraging(*steps),
                None if draws is None else welford.Moments(*draws),
                None if gradients is None else welford.Moments(*gradients),
                heard,
            )


def _cast(metric: Metric, like: Tensor) -> Metric:
    if isinstance(metric, DiagonalMetric):
        return DiagonalMetric(metric.scale.to(like))
    assert isinstance(metric, DenseMetric)
    return DenseMetric(metric.factor.to(like))
