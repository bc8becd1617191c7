"""Models that several tests look at, in the default type."""

from __future__ import annotations

import torch

import pyro
import pyro.distributions as dist

VALUES = (1.0, -0.5, 2.0)


def chain(steps: int = 20) -> None:
    data = torch.tensor(VALUES)
    moves = pyro.sample("moves", dist.Dirichlet(torch.ones(3, 3)).to_event(1))
    locs = pyro.sample("locs", dist.Normal(torch.zeros(3), 3.0).to_event(1))
    state: torch.Tensor | int = 0
    for t in pyro.markov(range(steps)):
        state = pyro.sample(f"state_{t}", dist.Categorical(moves[state]))
        pyro.sample(f"x_{t}", dist.Normal(locs[state], 1.0), obs=data[t % 3])


def mixture() -> None:
    locs = pyro.sample("locs", dist.Normal(torch.zeros(2), 3.0).to_event(1))
    with pyro.plate("data", 3):
        z = pyro.sample("z", dist.Bernoulli(0.3))
        pyro.sample("y", dist.Normal(locs[z.long()], 1.0), obs=torch.tensor(VALUES))


def undeclared() -> None:
    """Batch dims that no plate declares."""
    x = pyro.sample("x", dist.Normal(torch.zeros(2, 3), 1.0))
    pyro.sample("y", dist.Normal(x, 1.0), obs=torch.zeros(2, 3))


def local() -> None:
    """A latent for each value of the one before."""
    z = pyro.sample("z", dist.Categorical(torch.ones(2)))
    pyro.sample("x", dist.Normal(1.0 * z, 1.0))
