"""Logistic regression on 256 rows at a time."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array

BATCH = 256


def model(x: Array, y: Array) -> None:
    x, y = jnp.asarray(x), jnp.asarray(y)
    bias = numpyro.sample("bias", dist.Normal(0.0, 2.0))
    weights = numpyro.sample("weights", dist.Normal(0.0, 1.0).expand([x.shape[1]]).to_event(1))
    with numpyro.plate("rows", len(x), subsample_size=BATCH) as chosen:
        numpyro.sample("y", dist.Bernoulli(logits=x[chosen] @ weights + bias), obs=y[chosen])
