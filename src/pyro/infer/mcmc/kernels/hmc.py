"""Hamiltonian Monte Carlo for many chains at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.leapfrog import PhasePoint, kinetic_energy, leapfrog_
from pyro.infer.mcmc.kernels.metric import Metric
from pyro.infer.mcmc.kernels.nuts_state import DIVERGENCE
from pyro.infer.model.logdensity import LogDensity


class HmcState(NamedTuple):
    """Where chains are.

    :param position: Of shape ``(chains, dim)``.
    :param gradient: Of the log density there, ``(chains, dim)``.
    :param log_density: There, ``(chains,)``, in double precision.
    """

    position: Tensor
    gradient: Tensor
    log_density: Tensor


class Flight(NamedTuple):
    """How the trajectories of a step have ended, before it was decided whether to accept.

    :param point: Position, gradient and whitened momentum, ``(chains, dim)`` each.
    :param acceptance: The probabilities to accept, ``(chains,)``.
    """

    point: PhasePoint
    acceptance: Tensor


def init(position: Tensor, log_density: Tensor, gradient: Tensor) -> HmcState:
    """Chains at positions of shape ``(chains, dim)``."""
    return HmcState(position, gradient, log_density.double())


def select(state: HmcState, rows: Tensor) -> HmcState:
    """Some of the chains."""
    return HmcState(*(x.index_select(0, rows) for x in state))


def step(
    state: HmcState,
    density: LogDensity,
    *,
    metric: Metric,
    step_size: Tensor,
    num_steps: Tensor,
    generator: ChainGenerator,
) -> tuple[HmcState, Finished, Flight]:
    """One transition of each chain.

    :param step_size: Of shape ``(chains,)``.
    :param num_steps: Leapfrog steps of each chain, at least one, ``(chains,)``; chains of fewer
        steps rest until the last has arrived.

    Duane et al. (1987), *Hybrid Monte Carlo*; Neal (2011), *MCMC using Hamiltonian dynamics*.
    """
    rows = torch.arange(len(state.position), device=state.position.device)
    normal = generator.normal(rows, state.position.shape[-1])
    log_uniform = generator.log_uniform(1)[0]
    point = PhasePoint(
        state.position.clone(), state.gradient.clone(), normal.to(state.position.dtype)
    )
    before = kinetic_energy(point.momentum).sub_(state.log_density)
    value = _fly(point, state.log_density, density, metric, step_size, num_steps)
    energy = kinetic_energy(point.momentum).sub_(value)
    growth = (energy - before).nan_to_num(torch.inf, torch.inf, torch.inf)
    accept = log_uniform < -growth
    new = HmcState(
        torch.where(accept[:, None], point.position, state.position),
        torch.where(accept[:, None], point.gradient, state.gradient),
        torch.where(accept, value, state.log_density),
    )
    rate = (-growth).exp().clamp(max=1.0)
    steps = num_steps.double().expand_as(rate)
    depth = (steps + 1).log2().ceil()
    hamiltonian = torch.where(accept, energy, before)
    diverging = (growth > DIVERGENCE).double()
    statistics = torch.stack(
        (new.log_density, hamiltonian, rate, step_size.double(), depth, steps, diverging)
    )
    finished = Finished(rows, new.position, new.gradient, statistics, point.position)
    return new, finished, Flight(point, rate)


def _fly(
    point: PhasePoint,
    log_density: Tensor,
    density: LogDensity,
    metric: Metric,
    step_size: Tensor,
    num_steps: Tensor,
) -> Tensor:
    """Follow the trajectories, in place; returns the log densities at their ends."""
    least, most = (int(bound) for bound in torch.aminmax(num_steps))
    pace = metric.paced(step_size)
    value = log_density
    for _ in range(least):
        value = leapfrog_(point, density, pace).double()
    for done in range(least, most):
        rows = (num_steps > done).nonzero()[:, 0]
        part = PhasePoint(*(x.index_select(0, rows) for x in point))
        found = leapfrog_(part, density, metric.select(rows).paced(step_size[rows]))
        for whole, some in zip(point, part, strict=True):
            whole.index_copy_(0, rows, some)
        value = value.index_copy(0, rows, found.double())
    return value
