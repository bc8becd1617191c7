"""Four small programs that show the language: choices, parameters, plates, and control flow.

Run with ``python examples/first_programs.py``.
"""

from __future__ import annotations

import torch
from torch import Tensor

import pyro
from pyro import distributions, poutine
from pyro.distributions import Categorical, Normal
from pyro.distributions.constraints import positive, simplex
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam


def coin_and_observation(data: Tensor | float = 0.3) -> Tensor:
    """1. A random choice, and an observation; Python numbers work as parameters and as data."""
    x = pyro.sample("x", distributions.Bernoulli(0.5))
    pyro.sample("data", distributions.Normal(0, 1), obs=data)
    return x


def positive_parameter() -> Tensor:
    """2. A learnable parameter that stays positive."""
    return pyro.param("theta", torch.ones(100), constraint=positive)


def vectorised_plate(data: Tensor, batch_size: int | None = None) -> None:
    """3a. Independent data as a batch, perhaps a random subset of it."""
    mu = pyro.sample("mu", distributions.Normal(0, 10))
    with pyro.plate("data", len(data), batch_size) as ids:
        pyro.sample("obs", distributions.Normal(mu, 1), obs=data[ids])


def sequential_plate(data: Tensor, batch_size: int | None = None) -> None:
    """3b. The same model as a loop."""
    mu = pyro.sample("mu", distributions.Normal(0, 10))
    for i in pyro.plate("data", len(data), batch_size):
        pyro.sample("data_%i" % i, distributions.Normal(mu, 1), obs=data[i])  # noqa: UP031


def helper(i: Tensor) -> Tensor:
    """Part of a program: makes choices of its own."""
    x = pyro.sample("x", Normal(torch.zeros(9), torch.ones(9)).to_event(1))
    return x[i]


def branching(data: Tensor | float) -> Tensor:
    """4. Which choices are made depends on the choices made before."""
    p = pyro.param("p", torch.ones(10) / 10, constraint=simplex)
    c = pyro.sample("c", Categorical(p))
    if c > 0:
        pyro.sample("data", Normal(helper(c - 1), 1.0), obs=data)
    return c


def branching_guide(data: Tensor | float) -> None:
    """A guide for :func:`branching`, which follows the same branches."""
    q = pyro.param("q", torch.ones(10) / 10, constraint=simplex)
    c = pyro.sample("c", Categorical(q))
    if c > 0:
        loc = pyro.param("x_loc", torch.zeros(9))
        scale = pyro.param("x_scale", torch.ones(9), constraint=positive)
        pyro.sample("x", Normal(loc, scale).to_event(1))


def main() -> None:
    """Run the programs, and fit the last one."""
    pyro.set_rng_seed(0)
    data = torch.randn(100) + 2
    print("1. x =", poutine.trace(coin_and_observation).get_trace().nodes["x"]["value"])
    print("2. theta has shape", tuple(positive_parameter().shape))
    conditioned = pyro.condition(vectorised_plate, data={"mu": torch.tensor(2.0)})
    print(poutine.trace(conditioned).get_trace(data, 10).format_shapes())
    svi = SVI(branching, branching_guide, Adam({"lr": 0.01}), Trace_ELBO())
    losses = [svi.step(3.0) for _ in range(500)]
    print(f"4. loss {sum(losses[:50]) / 50:.2f} -> {sum(losses[-50:]) / 50:.2f}")


if __name__ == "__main__":
    main()
