"""Time of one ``svi.step`` of models whose discrete sites are summed out.

A hidden Markov model of T steps with K states and normal observations, its chain declared by
``pyro.markov``; and a mixture of K normals with N observations in a plate. Both are fitted by their
likelihood: the parameters are learned, nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from harness.timing import THREADS, Case, emit, measure

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.infer import SVI, TraceEnum_ELBO, config_enumerate
from pyro.optim import Adam

torch.set_num_threads(THREADS)

CHAINS = [(10, 2), (10, 8), (10, 64), (100, 2), (100, 8), (100, 64), (1000, 2), (1000, 16)]
CHAINS += [(1000, 64)]
MIXTURES = [(100, 2), (100, 64), (10_000, 2), (10_000, 64)]
LOSSES: dict[str, list[float]] = {}


@config_enumerate
def chain(prefix: str, data: torch.Tensor, states: int) -> None:
    """A hidden Markov model."""
    start = torch.ones(states, states) + 3.0 * torch.eye(states)
    moves = pyro.param(f"{prefix} moves", start / (states + 3.0), constraint=constraints.simplex)
    locs = pyro.param(f"{prefix} locs", torch.linspace(-2.0, 2.0, states))
    state: Any = 0
    for t in pyro.markov(range(len(data))):
        state = pyro.sample(f"state_{t}", dist.Categorical(moves[state]))
        pyro.sample(f"x_{t}", dist.Normal(locs[state], 1.0), obs=data[t])


@config_enumerate
def mixture(prefix: str, data: torch.Tensor, states: int) -> None:
    """A mixture of normals."""
    weights = torch.ones(states) / states
    weights = pyro.param(f"{prefix} weights", weights, constraint=constraints.simplex)
    locs = pyro.param(f"{prefix} locs", torch.linspace(-2.0, 2.0, states))
    with pyro.plate("data", len(data)):
        state = pyro.sample("state", dist.Categorical(weights))
        pyro.sample("x", dist.Normal(locs[state], 1.0), obs=data)


def no_guide(prefix: str, data: torch.Tensor, states: int) -> None:
    """All is summed out."""


def steps(name: str, model: Callable[..., Any], size: int, states: int, nesting: int) -> Case:
    """The steps of a fit that goes on from run to run."""
    torch.manual_seed(0)
    data = torch.randn(size)
    svi = SVI(model, no_guide, Adam({"lr": 1e-3}), TraceEnum_ELBO(max_plate_nesting=nesting))
    units = 5 if size <= 10 or nesting else 1
    losses = LOSSES.setdefault(name, [])

    def run() -> None:
        losses.extend([svi.step(name, data, states) / size for _ in range(units)])

    return Case(run, units=units)


if __name__ == "__main__":
    cases = {}
    for size, states in CHAINS:
        name = f"hidden Markov model, T = {size}, K = {states}"
        cases[name] = steps(name, chain, size, states, 0)
    for size, states in MIXTURES:
        name = f"mixture, N = {size}, K = {states}"
        cases[name] = steps(name, mixture, size, states, 1)
    times = measure(cases, repeats=7)
    checks = {name: losses[0] for name, losses in LOSSES.items()}
    emit("step", times, pyro.__version__, checks)
