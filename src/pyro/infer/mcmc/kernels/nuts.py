"""The no-U-turn sampler for many chains that do not wait for each other."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.leapfrog import PhasePoint, kinetic_energy, leapfrog_
from pyro.infer.mcmc.kernels.metric import Metric
from pyro.infer.mcmc.kernels.turning import leaf_tables, turned
from pyro.infer.model.logdensity import LogDensity

DIVERGENCE = 1000.0
"""A trajectory whose energy has grown by more than this has diverged."""

MAX_DEPTH = 20
"""Deeper trees are not supported."""

# slots of NutsState.vectors
_HEAD, _MOTION, _TAIL, _JOINT, _CANDIDATE, _PROPOSAL = (
    slice(0, 3),
    slice(2, 4),
    slice(4, 7),
    slice(7, 9),
    slice(9, 11),
    slice(11, 13),
)
_MOMENTUM, _SUM, _TAIL_MOMENTUM, _INNER, _TOTAL, _SLOTS = 2, 3, 6, 7, 8, 13
# rows of NutsState.numbers
_LP, _ENERGY, _SUB_LP, _SUB_ENERGY, _WEIGHT, _SUB_WEIGHT = range(6)
_STEP, _ENERGY_0, _ACCEPT, _SLICE, _SIZE, _DEPTH, _LEAF, _STEPS = range(6, 14)
_NUMBERS = 14
_LEAF_UNIFORM, _TREE_UNIFORM, _DIRECTION, _SLICE_UNIFORM = range(4)
_KINDS = 4
_LOG_HALF = -0.6931471805599453


class NutsState(NamedTuple):
    """Chains in the middle of their trajectories; a step reuses the memory of its state.

    A trajectory has a head, which moves, and a tail. Leaves of the subtree that is being added are
    numbered from zero, as the head reaches them.

    :param vectors: Of shape ``(13, chains, dim)``. Head: position, gradient, momentum, and the sum
        of the momenta of the subtree; tail: position, gradient, momentum; the momentum where the
        subtree was begun, and the sum of the momenta of the trajectory before it; position and
        gradient of the point drawn from the subtree, and of that drawn before.
    :param numbers: Energies, weights, log densities and counts, ``(14, chains)``, in double
        precision.
    :param firsts: Momentum, and sum of the momenta before, of leaves that begin an incomplete part
        of the subtree, by the number of ones in the leaf's number, ``(2, depth, chains, dim)``.
    :param ends: Momentum of leaves that end the left half of such a part, by the number of ones at
        the end of the leaf's number, ``(depth, chains, dim)``.
    :param ended: Whose trajectories have ended, ``(chains,)``; the next step begins new ones.
    """

    vectors: Tensor
    numbers: Tensor
    firsts: Tensor
    ends: Tensor
    ended: Tensor


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
        vectors=position.new_zeros(_SLOTS, chains, dim),
        numbers=position.new_zeros(_NUMBERS, chains, dtype=torch.double),
        firsts=position.new_zeros(2, max_depth, chains, dim),
        ends=position.new_zeros(max_depth, chains, dim),
        ended=torch.ones(chains, dtype=torch.bool, device=position.device),
    )
    state.vectors[_PROPOSAL] = torch.stack((position, gradient))
    state.numbers[_LP] = log_density
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
    rows = state.ended.nonzero()[:, 0]
    if len(rows):
        _begin(state, rows, step_size, generator)
    log_uniform = generator.log_uniform(_KINDS)
    numbers = state.numbers
    diverging = _grow(state, density, metric, log_uniform[_LEAF_UNIFORM], slices)
    ended = state.ended.copy_(diverging)
    _turns(state, ended)
    numbers[_LEAF:].add_(1)
    rows = ((numbers[_LEAF] == numbers[_SIZE]) > ended).nonzero()[:, 0]
    if len(rows):
        ended.index_copy_(0, rows, _join(state, rows, log_uniform.index_select(1, rows)))
    rows = ended.nonzero()[:, 0]
    return state, _finish(state, rows, diverging)


def _grow(
    state: NutsState, density: LogDensity, metric: Metric, log_uniform: Tensor, slices: bool
) -> Tensor:
    """Add a leaf to each subtree; returns whether trajectories diverge."""
    vectors, row = state.vectors, state.numbers.unbind(0)
    point = PhasePoint(*vectors[_HEAD].unbind(0))
    value = leapfrog_(point, density, metric.paced(row[_STEP]))
    energy = kinetic_energy(point.momentum).sub_(value)
    growth = (energy - row[_ENERGY_0]).nan_to_num_(torch.inf, torch.inf, torch.inf)
    diverging = growth > DIVERGENCE
    log_weight = growth.neg_()
    row[_ACCEPT].add_(log_weight.exp().clamp_(max=1.0))
    if slices:
        log_weight = torch.where(log_weight >= row[_SLICE], 0.0, -torch.inf).double()
    torch.logaddexp(row[_SUB_WEIGHT], log_weight, out=row[_SUB_WEIGHT])
    taken = log_uniform < log_weight.sub_(row[_SUB_WEIGHT])
    candidate = vectors[_CANDIDATE]
    torch.where(taken[:, None], vectors[:2], candidate, out=candidate)
    torch.where(taken, value, row[_SUB_LP], out=row[_SUB_LP])
    torch.where(taken, energy, row[_SUB_ENERGY], out=row[_SUB_ENERGY])
    return diverging


def _turns(state: NutsState, ended: Tensor) -> None:
    """Remember the new leaves, and set where a part of the subtree that they complete turns.

    With a leaf whose number ends with ``t`` ones, parts of 2, 4, ..., ``2**t`` leaves are complete.
    """
    motion, firsts, ends = state.vectors[_MOTION], state.firsts.flatten(1, 2), state.ends
    depth, chains = ends.shape[:2]
    ends = ends.flatten(0, 1)
    leaf = state.numbers[_LEAF].long()
    table = leaf_tables(depth, motion.device).index_select(1, leaf)
    place = torch.add(torch.arange(chains, device=motion.device), table, alpha=chains)
    firsts.index_copy_(1, place[0], motion)
    ends.index_copy_(0, place[1], motion[0])
    motion[1].add_(motion[0])
    levels = torch.arange(depth, device=motion.device)
    chain, level = (levels < table[1][:, None]).nonzero().unbind(1)
    if not len(chain):
        return
    start = firsts.index_select(1, place[0][chain] - level * chains)
    first = firsts.index_select(1, place[0][chain] - (level + 1) * chains)
    end = ends.index_select(0, torch.add(chain, level, alpha=chains))
    last = motion.index_select(1, chain)
    bad = turned(first[0], end, start[0], last[0], start[1] - first[1], last[1] - start[1])
    ended[chain[bad]] = True


def _join(state: NutsState, rows: Tensor, log_uniform: Tensor) -> Tensor:
    """Join complete subtrees with their trajectories and begin the next; returns who is to stop."""
    v, n = state.vectors.index_select(1, rows), state.numbers.index_select(1, rows)
    number = n.unbind(0)
    start = state.firsts[0, 0].index_select(0, rows)
    stop = turned(v[_TAIL_MOMENTUM], v[_INNER], start, v[_MOMENTUM], v[_TOTAL], v[_SUM])
    taken = log_uniform[_TREE_UNIFORM] < number[_SUB_WEIGHT] - number[_WEIGHT]
    v[_PROPOSAL] = torch.where(taken[:, None], v[_CANDIDATE], v[_PROPOSAL])
    n[_LP:_SUB_LP] = torch.where(taken, n[_SUB_LP:_WEIGHT], n[_LP:_SUB_LP])
    torch.logaddexp(number[_WEIGHT], number[_SUB_WEIGHT], out=number[_WEIGHT])
    number[_SUB_WEIGHT].fill_(-torch.inf)
    number[_SIZE].mul_(2)
    number[_DEPTH].add_(1)
    number[_LEAF].zero_()
    backward = log_uniform[_DIRECTION] < _LOG_HALF
    torch.where(backward, -number[_STEP], number[_STEP], out=number[_STEP])
    head = v[_HEAD].clone()
    v[_HEAD] = torch.where(backward[:, None], v[_TAIL], head)
    v[_TAIL] = torch.where(backward[:, None], head, v[_TAIL])
    v[_TOTAL].add_(v[_SUM])
    v[_INNER] = v[_MOMENTUM]
    v[_SUM].zero_()
    state.vectors.index_copy_(1, rows, v)
    state.numbers.index_copy_(1, rows, n)
    return stop.logical_or_(number[_DEPTH] >= state.ends.shape[0])


def _finish(state: NutsState, rows: Tensor, diverging: Tensor) -> Finished:
    """What is told of trajectories that have ended."""
    n = state.numbers.index_select(1, rows).unbind(0)
    place = state.vectors[_PROPOSAL].index_select(1, rows)
    statistics = torch.stack(
        (
            n[_LP],
            n[_ENERGY],
            n[_ACCEPT] / n[_STEPS],
            n[_STEP].abs(),
            # the depth counts the subtree that was begun, as long as it has any leaf
            n[_DEPTH] + (n[_LEAF] > 0),
            n[_STEPS],
            diverging.index_select(0, rows).double(),
        )
    )
    return Finished(rows, place[0], place[1], statistics, state.vectors[0].index_select(0, rows))


def _begin(state: NutsState, rows: Tensor, step_size: Tensor, generator: ChainGenerator) -> None:
    """Begin trajectories where the last ones have led to."""
    log_uniform = generator.present(_KINDS).index_select(1, rows)
    place = state.vectors[_PROPOSAL].index_select(1, rows)
    momentum = generator.normal(rows, place.shape[-1]).to(place.dtype)
    log_density = state.numbers[_LP].index_select(0, rows)
    energy = kinetic_energy(momentum).sub_(log_density)
    step = step_size.index_select(0, rows)
    numbers = state.numbers.new_zeros(_NUMBERS, len(rows))
    numbers[_LP] = log_density
    numbers[_ENERGY] = energy
    numbers[_SUB_WEIGHT] = -torch.inf
    numbers[_STEP] = torch.where(log_uniform[_DIRECTION] < _LOG_HALF, -step, step)
    numbers[_ENERGY_0] = energy
    numbers[_SLICE] = log_uniform[_SLICE_UNIFORM]
    numbers[_SIZE] = 1
    state.numbers.index_copy_(1, rows, numbers)
    whole, none = momentum[None], torch.zeros_like(momentum)[None]
    vectors = torch.cat((place, whole, none, place, whole, whole, whole))
    state.vectors[: _CANDIDATE.start].index_copy_(1, rows, vectors)
