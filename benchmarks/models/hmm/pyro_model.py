"""A hidden Markov model, its states summed out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import config_enumerate

ENUMERATED = ("state_",)


@config_enumerate
def model(x: Tensor, centers: Tensor) -> None:
    states = len(centers)
    rows = dist.Dirichlet(torch.ones(states, states) + 3 * torch.eye(states)).to_event(1)
    moves = pyro.sample("moves", rows)
    # Starts lie within 2 of 0: no two states can change places, which would be another mode.
    shifts = pyro.sample("shifts", dist.Normal(torch.zeros(states), 1.0).to_event(1))
    locs = centers + 0.5 * shifts
    scale = pyro.sample("scale", dist.LogNormal(0.0, 0.5))
    state: Any = 0
    for t in pyro.markov(range(len(x))):
        state = pyro.sample(f"state_{t}", dist.Categorical(moves[state]))
        pyro.sample(f"x_{t}", dist.Normal(locs[state], scale), obs=x[t])
