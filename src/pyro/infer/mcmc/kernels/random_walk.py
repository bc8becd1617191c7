"""The Metropolis algorithm with normal proposals, for many chains at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.metric import Metric
from pyro.infer.model.logdensity import LogDensity


class WalkState(NamedTuple):
    """Where chains are: positions, ``(chains, dim)``, and log densities there, ``(chains,)``."""

    position: Tensor
    log_density: Tensor


def init(position: Tensor, log_density: Tensor) -> WalkState:
    """Chains at positions of shape ``(chains, dim)``."""
    return WalkState(position, log_density.double())


def select(state: WalkState, rows: Tensor) -> WalkState:
    """Some of the chains."""
    return WalkState(*(x.index_select(0, rows) for x in state))


def step(
    state: WalkState,
    density: LogDensity,
    *,
    metric: Metric,
    step_size: Tensor,
    generator: ChainGenerator,
) -> tuple[WalkState, Finished]:
    r"""One transition of each chain: propose :math:`x' = x + \epsilon L z`, standard normal z.

    No gradient is computed; the one that is told is zero.

    :param step_size: Of shape ``(chains,)``.

    Metropolis et al. (1953), *Equation of State Calculations by Fast Computing Machines*.
    """
    rows = torch.arange(len(state.position), device=state.position.device)
    normal = generator.normal(rows, state.position.shape[-1])
    log_uniform = generator.log_uniform(1)[0]
    proposal = state.position.clone()
    metric.paced(step_size).drift_(proposal, normal.to(proposal.dtype))
    value = density.value(proposal).double()
    growth = (value - state.log_density).nan_to_num(-torch.inf, -torch.inf, -torch.inf)
    accept = log_uniform < growth
    new = WalkState(
        torch.where(accept[:, None], proposal, state.position),
        torch.where(accept, value, state.log_density),
    )
    one, none = torch.ones_like(growth), torch.zeros_like(growth)
    rate = growth.exp().clamp(max=1.0)
    statistics = torch.stack(
        (new.log_density, -new.log_density, rate, step_size.double(), none, one, none)
    )
    return new, Finished(rows, new.position, torch.zeros_like(new.position), statistics, proposal)
