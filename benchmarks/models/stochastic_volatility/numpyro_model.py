"""Returns with heavy tails, whose log volatility is a random walk; not centred."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array


def model(returns: Array) -> None:
    step = numpyro.sample("step", dist.Exponential(10.0))
    tails = numpyro.sample("tails", dist.Exponential(0.1))
    start = numpyro.sample("start", dist.Normal(0.0, 2.0))
    with numpyro.plate("days", len(returns)):
        z = numpyro.sample("z", dist.Normal(0.0, 1.0))
        scale = jnp.exp(start + step * jnp.cumsum(z))
        numpyro.sample("returns", dist.StudentT(tails, 0.0, scale), obs=returns)
