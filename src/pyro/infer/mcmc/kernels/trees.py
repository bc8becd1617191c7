"""The trees of many chains, which grow by a leaf in each leapfrog step."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.leapfrog import kinetic_energy
from pyro.infer.mcmc.kernels.nuts_state import (
    ACCEPT,
    CANDIDATE,
    DEPTH,
    DIRECTION,
    DIVERGED,
    DIVERGENCE,
    ENERGY,
    ENERGY_0,
    HEAD,
    INNER,
    LEAF,
    LEAF_UNIFORM,
    LOG_HALF,
    LP,
    MOMENTUM,
    MOTION,
    NUMBERS,
    PROPOSAL,
    SIZE,
    SLICE,
    SLICE_UNIFORM,
    STEP,
    STEPS,
    SUB_ENERGY,
    SUB_LP,
    SUB_WEIGHT,
    SUM,
    TAIL,
    TAIL_MOMENTUM,
    TOTAL,
    TREE_UNIFORM,
    WEIGHT,
    NutsState,
)
from pyro.infer.mcmc.kernels.turning import leaf_tables, turned


def begin(
    state: NutsState, rows: Tensor, momentum: Tensor, log_uniform: Tensor, step_size: Tensor
) -> None:
    """Begin trajectories where the last ones have led to, in place.

    :param rows: Of the chains whose trajectories have ended, ``(n,)``.
    :param momentum: Theirs, ``(n, dim)``.
    :param log_uniform: Logarithms of uniform numbers of all chains, ``(4, chains)``.
    :param step_size: Of all chains, ``(chains,)``.
    """
    log_uniform = log_uniform.index_select(1, rows)
    place = state.vectors[PROPOSAL].index_select(1, rows)
    momentum = momentum.to(place.dtype)
    log_density = state.numbers[LP].index_select(0, rows)
    energy = kinetic_energy(momentum).sub_(log_density)
    step = step_size.index_select(0, rows)
    numbers = state.numbers.new_zeros(NUMBERS, len(rows))
    numbers[LP] = log_density
    numbers[ENERGY] = energy
    numbers[SUB_WEIGHT] = -torch.inf
    numbers[STEP] = torch.where(log_uniform[DIRECTION] < LOG_HALF, -step, step)
    numbers[ENERGY_0] = energy
    numbers[SLICE] = log_uniform[SLICE_UNIFORM]
    numbers[SIZE] = 1
    state.numbers.index_copy_(1, rows, numbers)
    whole, none = momentum[None], torch.zeros_like(momentum)[None]
    vectors = torch.cat((place, whole, none, place, whole, whole, whole))
    state.vectors[: CANDIDATE.start].index_copy_(1, rows, vectors)


def grow(state: NutsState, value: Tensor, log_uniform: Tensor, slices: bool) -> Finished:
    """Add a leaf to the tree of each chain, in place.

    :param value: The log densities where the heads are now, in double precision, ``(chains,)``.
    :param log_uniform: Logarithms of uniform numbers, ``(4, chains)``.
    :param slices: Whether points are drawn uniformly from a slice.
    """
    numbers = state.numbers
    diverging = _add_leaf(state, value, log_uniform[LEAF_UNIFORM], slices)
    numbers[DIVERGED].copy_(diverging)
    ended = state.ended.copy_(diverging)
    _turns(state, ended)
    numbers[LEAF:DIVERGED].add_(1)
    rows = ((numbers[LEAF] == numbers[SIZE]) > ended).nonzero()[:, 0]
    if len(rows):
        ended.index_copy_(0, rows, _join(state, rows, log_uniform.index_select(1, rows)))
    return _finish(state, ended.nonzero()[:, 0])


def _add_leaf(state: NutsState, value: Tensor, log_uniform: Tensor, slices: bool) -> Tensor:
    """Draw from each subtree with its new leaf; returns whether trajectories diverge."""
    vectors, row = state.vectors, state.numbers.unbind(0)
    energy = kinetic_energy(vectors[MOMENTUM]).sub_(value)
    growth = (energy - row[ENERGY_0]).nan_to_num_(torch.inf, torch.inf, torch.inf)
    diverging = growth > DIVERGENCE
    log_weight = growth.neg_()
    row[ACCEPT].add_(log_weight.exp().clamp_(max=1.0))
    if slices:
        log_weight = torch.where(log_weight >= row[SLICE], 0.0, -torch.inf).double()
    torch.logaddexp(row[SUB_WEIGHT], log_weight, out=row[SUB_WEIGHT])
    taken = log_uniform < log_weight.sub_(row[SUB_WEIGHT])
    candidate = vectors[CANDIDATE]
    torch.where(taken[:, None], vectors[:2], candidate, out=candidate)
    torch.where(taken, value, row[SUB_LP], out=row[SUB_LP])
    torch.where(taken, energy, row[SUB_ENERGY], out=row[SUB_ENERGY])
    return diverging


def _turns(state: NutsState, ended: Tensor) -> None:
    """Remember the new leaves, and set where a part of the subtree that they complete turns.

    With a leaf whose number ends with ``t`` ones, parts of 2, 4, ..., ``2**t`` leaves are complete.
    """
    motion, firsts, ends = state.vectors[MOTION], state.firsts.flatten(1, 2), state.ends
    depth, chains = ends.shape[:2]
    ends = ends.flatten(0, 1)
    leaf = state.numbers[LEAF].long()
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
    stop = turned(v[TAIL_MOMENTUM], v[INNER], start, v[MOMENTUM], v[TOTAL], v[SUM])
    taken = log_uniform[TREE_UNIFORM] < number[SUB_WEIGHT] - number[WEIGHT]
    v[PROPOSAL] = torch.where(taken[:, None], v[CANDIDATE], v[PROPOSAL])
    n[LP:SUB_LP] = torch.where(taken, n[SUB_LP:WEIGHT], n[LP:SUB_LP])
    torch.logaddexp(number[WEIGHT], number[SUB_WEIGHT], out=number[WEIGHT])
    number[SUB_WEIGHT].fill_(-torch.inf)
    number[SIZE].mul_(2)
    number[DEPTH].add_(1)
    number[LEAF].zero_()
    backward = log_uniform[DIRECTION] < LOG_HALF
    torch.where(backward, -number[STEP], number[STEP], out=number[STEP])
    head = v[HEAD].clone()
    v[HEAD] = torch.where(backward[:, None], v[TAIL], head)
    v[TAIL] = torch.where(backward[:, None], head, v[TAIL])
    v[TOTAL].add_(v[SUM])
    v[INNER] = v[MOMENTUM]
    v[SUM].zero_()
    state.vectors.index_copy_(1, rows, v)
    state.numbers.index_copy_(1, rows, n)
    return stop.logical_or_(number[DEPTH] >= state.ends.shape[0])


def _finish(state: NutsState, rows: Tensor) -> Finished:
    """What is told of trajectories that have ended."""
    n = state.numbers.index_select(1, rows).unbind(0)
    place = state.vectors[PROPOSAL].index_select(1, rows)
    statistics = torch.stack(
        (
            n[LP],
            n[ENERGY],
            n[ACCEPT] / n[STEPS],
            n[STEP].abs(),
            # the depth counts the subtree that was begun, as long as it has any leaf
            n[DEPTH] + (n[LEAF] > 0),
            n[STEPS],
            n[DIVERGED],
        )
    )
    return Finished(rows, place[0], place[1], statistics, state.vectors[0].index_select(0, rows))
