"""A mixture of normal laws, the group of a point summed out."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array


def model(x: Array, centers: Array) -> None:
    kinds = len(centers)
    weights = numpyro.sample("weights", dist.Dirichlet(2 * jnp.ones(kinds)))
    locs = numpyro.sample("locs", dist.Normal(jnp.asarray(centers), 1.0).to_event(1))
    scale = numpyro.sample("scale", dist.LogNormal(0.0, 0.5))
    with numpyro.plate("rows", len(x)):
        laws = dist.Normal(locs, scale)
        mixture = dist.MixtureSameFamily(dist.Categorical(weights), laws)
        numpyro.sample("x", mixture, obs=x)
