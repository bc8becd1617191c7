"""A Bayesian neural network with one hidden layer of 50 units."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array

HIDDEN = 50


def model(x: Array, y: Array) -> None:
    columns = x.shape[1]
    inner = dist.Normal(0.0, columns**-0.5).expand([columns, HIDDEN]).to_event(2)
    w1 = numpyro.sample("w1", inner)
    b1 = numpyro.sample("b1", dist.Normal(0.0, 1.0).expand([HIDDEN]).to_event(1))
    w2 = numpyro.sample("w2", dist.Normal(0.0, HIDDEN**-0.5).expand([HIDDEN]).to_event(1))
    b2 = numpyro.sample("b2", dist.Normal(0.0, 1.0))
    noise = numpyro.sample("noise", dist.HalfNormal(1.0))
    with numpyro.plate("rows", len(x)):
        numpyro.sample("y", dist.Normal(jnp.tanh(x @ w1 + b1) @ w2 + b2, noise), obs=y)
