"""Chains of one kernel as a batch: what the vectorised engine advances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels import chees, hmc, nuts, random_walk
from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
from pyro.infer.mcmc.kernels.chees import TrajectoryLength
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.hmc import HmcState
from pyro.infer.mcmc.kernels.metric import Metric
from pyro.infer.mcmc.kernels.nuts_state import NutsState
from pyro.infer.mcmc.kernels.random_walk import WalkState
from pyro.infer.mcmc.trajectories import Trajectories
from pyro.infer.model.logdensity import LogDensity


class ChainBatch(Protocol):
    """Some chains, ready to be advanced together."""

    generator: ChainGenerator
    length: TrajectoryLength

    def step(self, step_size: Tensor) -> Finished:
        """Advance each chain, by one transition at most.

        :param step_size: For transitions that begin now, ``(chains,)``.
        """
        ...

    def select(self, rows: Tensor) -> ChainBatch:
        """The batch of some of the chains."""
        ...

    def cost(self, finished: Finished) -> int:
        """How often the step that gave this evaluated the density."""
        ...


@dataclass
class Ground:
    """What all kernels stand on."""

    density: LogDensity
    metric: Metric
    generator: ChainGenerator
    length: TrajectoryLength

    def select(self, rows: Tensor) -> Ground:
        """The same for some of the chains."""
        return Ground(
            self.density, self.metric.select(rows), self.generator.select(rows), self.length
        )


class NutsBatch:
    """Chains of the no-U-turn sampler, each somewhere in its trajectory."""

    def __init__(self, ground: Ground, state: NutsState, slices: bool) -> None:
        self._ground, self._state, self._slices = ground, state, slices
        self._made = 0  # leapfrog steps of the last step
        self.generator, self.length = ground.generator, ground.length

    def step(self, step_size: Tensor) -> Finished:
        """Leapfrog steps of each chain, until a trajectory ends."""
        self._state, finished, self._made = nuts.advance(
            self._state,
            self._ground.density,
            metric=self._ground.metric,
            step_size=step_size,
            generator=self.generator,
            slices=self._slices,
        )
        return finished

    def select(self, rows: Tensor) -> NutsBatch:
        """The batch of some of the chains."""
        return NutsBatch(self._ground.select(rows), nuts.select(self._state, rows), self._slices)

    def cost(self, finished: Finished) -> int:
        """One evaluation for each leapfrog step of a chain."""
        return self._made * self._state.numbers.shape[1]


class HmcBatch:
    """Chains of Hamiltonian Monte Carlo.

    :param num_steps: Of each trajectory; None if their length is given.
    :param length: The length of trajectories in units of time.
    """

    def __init__(
        self, ground: Ground, state: HmcState, num_steps: int | None, length: float | None
    ) -> None:
        self._ground, self._state = ground, state
        self._num_steps, self._length = num_steps, length
        self.generator, self.length = ground.generator, ground.length

    def step(self, step_size: Tensor) -> Finished:
        """One transition of each chain."""
        if self._num_steps is not None:
            steps = torch.full_like(step_size, float(self._num_steps))
        else:
            assert self._length is not None
            steps = (self._length / step_size).round().clamp(1, 1000)
        self._state, finished, _ = hmc.step(
            self._state,
            self._ground.density,
            metric=self._ground.metric,
            step_size=step_size,
            num_steps=steps,
            generator=self.generator,
        )
        return finished

    def select(self, rows: Tensor) -> HmcBatch:
        """The batch of some of the chains."""
        state = hmc.select(self._state, rows)
        return HmcBatch(self._ground.select(rows), state, self._num_steps, self._length)

    def cost(self, finished: Finished) -> int:
        """One evaluation for each leapfrog step."""
        return int(finished.statistics[5].sum())


class CheesBatch:
    """Chains that have found, or are finding, the length of their trajectories together.

    :param index: How many transitions were made before.
    :param learning: Whether the length is still being adapted.
    """

    def __init__(self, ground: Ground, state: HmcState, index: int, learning: bool) -> None:
        self._ground, self._state = ground, state
        self._index, self._learning = index, learning
        self.generator, self.length = ground.generator, ground.length

    def step(self, step_size: Tensor) -> Finished:
        """One transition of each chain."""
        before, metric = self._state.position, self._ground.metric
        part = chees.jitter(self._index)
        log_length = self.length.log_length if self._learning else self.length.log_average
        steps = chees.steps_of(log_length, part, float(step_size[0]))
        self._state, finished, flight = hmc.step(
            self._state,
            self._ground.density,
            metric=metric,
            step_size=step_size,
            num_steps=torch.full_like(step_size, float(steps)),
            generator=self.generator,
        )
        if self._learning:
            self.length = chees.update(self.length, before, flight, metric, part)
        self._index += 1
        return finished

    def select(self, rows: Tensor) -> CheesBatch:
        """The batch of some of the chains."""
        state = hmc.select(self._state, rows)
        return CheesBatch(self._ground.select(rows), state, self._index, self._learning)

    def cost(self, finished: Finished) -> int:
        """One evaluation for each leapfrog step."""
        return int(finished.statistics[5].sum())


class WalkBatch:
    """Chains of a random walk."""

    def __init__(self, ground: Ground, state: WalkState) -> None:
        self._ground, self._state = ground, state
        self.generator, self.length = ground.generator, ground.length

    def step(self, step_size: Tensor) -> Finished:
        """One transition of each chain."""
        self._state, finished = random_walk.step(
            self._state,
            self._ground.density,
            metric=self._ground.metric,
            step_size=step_size,
            generator=self.generator,
        )
        return finished

    def select(self, rows: Tensor) -> WalkBatch:
        """The batch of some of the chains."""
        return WalkBatch(self._ground.select(rows), random_walk.select(self._state, rows))

    def cost(self, finished: Finished) -> int:
        """One evaluation for each proposal."""
        return len(finished.chains)


def start(
    ground: Ground, state: HmcState, t: Trajectories, index: int, learning: bool
) -> ChainBatch:
    """Chains of the kernel that is asked for, at the beginning of a transition.

    :param index: How many transitions were made before.
    :param learning: Whether warm-up is not over.
    """

    def no_u_turn() -> ChainBatch:
        found = nuts.init(
            state.position,
            state.log_density,
            state.gradient,
            max_depth=t.max_tree_depth,
        )
        return NutsBatch(ground, found, slices=not t.multinomial)

    kinds: dict[str, Callable[[], ChainBatch]] = {
        "nuts": no_u_turn,
        "hmc": lambda: HmcBatch(ground, state, t.num_steps, t.trajectory_length),
        "chees": lambda: CheesBatch(ground, state, index, learning),
        "walk": lambda: WalkBatch(ground, WalkState(state.position, state.log_density)),
    }
    return kinds[t.kind]()
