"""A first step size: where a leapfrog step begins to be rejected."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
from pyro.infer.mcmc.kernels.hmc import HmcState
from pyro.infer.mcmc.kernels.leapfrog import PhasePoint, kinetic_energy, leapfrog_
from pyro.infer.mcmc.kernels.metric import Metric
from pyro.infer.model.logdensity import LogDensity

_THRESHOLD = 0.8
_ROUNDS = 50


def reasonable_step(
    state: HmcState,
    density: LogDensity,
    *,
    metric: Metric,
    step_size: Tensor,
    generator: ChainGenerator,
    pooled: bool,
) -> Tensor:
    """Double or halve step sizes until one leapfrog step crosses an acceptance of 0.8.

    :param step_size: Where to begin, ``(chains,)``.
    :param pooled: Whether the mean acceptance of all chains decides for all.

    Hoffman and Gelman (2014), *The No-U-Turn Sampler*, algorithm 4.
    """
    rows = torch.arange(len(state.position), device=state.position.device)
    normal = generator.normal(rows, state.position.shape[-1]).to(state.position.dtype)
    before = kinetic_energy(normal).sub_(state.log_density)
    active, upward = torch.ones_like(before, dtype=torch.bool), None
    step_size = step_size.clone()
    for _ in range(_ROUNDS):
        point = PhasePoint(state.position.clone(), state.gradient.clone(), normal.clone())
        value = leapfrog_(point, density, metric.paced(step_size))
        growth = kinetic_energy(point.momentum).sub_(value).sub_(before)
        rate = (-growth.nan_to_num(torch.inf, torch.inf, torch.inf)).exp().clamp_(max=1.0)
        good = (rate.mean().expand_as(rate) if pooled else rate) > _THRESHOLD
        if upward is None:
            upward = good
        active &= good == upward
        if not bool(active.any()):
            break
        step_size = torch.where(active, torch.where(upward, 2.0, 0.5) * step_size, step_size)
    return step_size
