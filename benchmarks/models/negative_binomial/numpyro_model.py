"""Regression of overdispersed counts: lgamma depends on a parameter, for each row anew."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array


def model(x: Array, y: Array) -> None:
    bias = numpyro.sample("bias", dist.Normal(0.0, 2.0))
    weights = numpyro.sample("weights", dist.Normal(0.0, 1.0).expand([x.shape[1]]).to_event(1))
    shape = numpyro.sample("shape", dist.Exponential(0.5))
    with numpyro.plate("rows", len(x)):
        rate = shape * jnp.exp(-(x @ weights + bias))
        numpyro.sample("y", dist.GammaPoisson(shape, rate), obs=y)
