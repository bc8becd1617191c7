"""Many scalar sites, each seen with noise."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array


def model(y: Array) -> None:
    x = [numpyro.sample(f"x_{i}", dist.Normal(0.0, 1.0)) for i in range(len(y))]
    numpyro.sample("y", dist.Normal(jnp.stack(x), 0.5).to_event(1), obs=y)
