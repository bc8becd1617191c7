"""The no-U-turn sampler for many chains that do not wait for each other."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.compile import NativeDensity
from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.kernels import native_trees, trees
from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.leapfrog import PhasePoint, leapfrog_
from pyro.infer.mcmc.kernels.metric import DiagonalMetric, Metric
from pyro.infer.mcmc.kernels.nuts_state import (
    HEAD,
    KINDS,
    LP,
    NUMBERS,
    PROPOSAL,
    SLOTS,
    STEP,
    NutsState,
)
from pyro.infer.model.logdensity import LogDensity

MAX_DEPTH = 20
"""Deeper trees are not supported."""


def init(
    position: Tensor,
    log_density: Tensor,
    gradient: Tensor,
    max_depth: int = 10,
) -> NutsState:
    """Chains before the beginning of a trajectory.

    :param position: Of shape ``(chains, dim)``.
    :param log_density: There, ``(chains,)``.
    :param gradient: There, ``(chains, dim)``.
    :param max_depth: At most ``2 ** max_depth - 1`` steps are made in a trajectory.
    :raises InferenceError: if trees may be deeper than 20.
    """
    if max_depth > MAX_DEPTH:
        raise InferenceError(f"max_tree_depth must be at most {MAX_DEPTH}, but got {max_depth}")
    chains, dim = position.shape
    state = NutsState(
        vectors=position.new_zeros(SLOTS, chains, dim),
        numbers=position.new_zeros(NUMBERS, chains, dtype=torch.double),
        firsts=position.new_zeros(2, max_depth, chains, dim),
        ends=position.new_zeros(max_depth, chains, dim),
        ended=torch.ones(chains, dtype=torch.bool, device=position.device),
    )
    state.vectors[PROPOSAL] = torch.stack((position, gradient))
    state.numbers[LP] = log_density
    return state


def select(state: NutsState, rows: Tensor) -> NutsState:
    """Some of the chains."""
    vectors, numbers, firsts, ends, ended = state
    return NutsState(
        vectors.index_select(1, rows),
        numbers.index_select(1, rows),
        firsts.index_select(2, rows),
        ends.index_select(1, rows),
        ended.index_select(0, rows),
    )


def step(
    state: NutsState,
    density: LogDensity,
    *,
    metric: Metric,
    step_size: Tensor,
    generator: ChainGenerator,
    slices: bool = False,
) -> tuple[NutsState, Finished]:
    """One leapfrog step of each chain; chains whose trajectories have ended begin the next ones.

    So all chains share one evaluation of the density per step, and none waits for another. The
    points of a trajectory are weighted by their densities; a subtree replaces the point drawn
    before with the probability of the ratio of weights, at most one. A trajectory ends by a U-turn
    (:func:`~pyro.infer.mcmc.kernels.turning.turned`), by divergence or at the greatest depth.

    :param step_size: For trajectories that begin in this step, ``(chains,)``.
    :param slices: Whether points are drawn uniformly from a slice instead.

    Hoffman and Gelman (2014), *The No-U-Turn Sampler*; Betancourt (2017), appendix A.3; Phan,
    Pradhan and Jankowiak (2019), *Composable Effects*, section 3 (the iteration); Dance, Glaser,
    Orbanz and Adams (2025), *Efficiently Vectorized MCMC on Modern Accelerators* (chains that do
    not wait).
    """
    native = native_trees.serve(state)
    _begin(state, step_size, generator, native)
    point = PhasePoint(*state.vectors[HEAD].unbind(0))
    value = leapfrog_(point, density, metric.paced(state.numbers[STEP]))
    grow = native_trees.grow if native else trees.grow
    return state, grow(state, value.double(), generator.log_uniform(KINDS), slices)


def advance(
    state: NutsState,
    density: LogDensity,
    *,
    metric: Metric,
    step_size: Tensor,
    generator: ChainGenerator,
    slices: bool = False,
) -> tuple[NutsState, Finished, int]:
    """As many of these steps as go on by themselves, and how many they were.

    Where the density is machine code and the metric is diagonal, steps are made until a trajectory
    ends, or random numbers that are there have been used up. Otherwise it is one.
    """
    if not native_trees.serve_flights(state, density, metric):
        return *step(
            state,
            density,
            metric=metric,
            step_size=step_size,
            generator=generator,
            slices=slices,
        ), 1
    assert isinstance(density, NativeDensity)
    assert isinstance(metric, DiagonalMetric)
    _begin(state, step_size, generator, native=True)
    ahead = generator.ahead(KINDS)
    finished, made = native_trees.fly(state, density, metric.scale, ahead, slices)
    generator.skip(made)
    return state, finished, made


def _begin(state: NutsState, step_size: Tensor, generator: ChainGenerator, native: bool) -> None:
    """Begin trajectories of the chains whose last ones have ended."""
    rows = state.ended.nonzero()[:, 0]
    if len(rows):
        momentum = generator.normal(rows, state.vectors.shape[-1])
        begin = native_trees.begin if native else trees.begin
        begin(state, rows, momentum, generator.present(KINDS), step_size)
