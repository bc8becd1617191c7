"""Logistic regression."""

from __future__ import annotations

import numpyro
import numpyro.distributions as dist
from jax import Array


def model(x: Array, y: Array) -> None:
    bias = numpyro.sample("bias", dist.Normal(0.0, 2.0))
    weights = numpyro.sample("weights", dist.Normal(0.0, 1.0).expand([x.shape[1]]).to_event(1))
    with numpyro.plate("rows", len(x)):
        numpyro.sample("y", dist.Bernoulli(logits=x @ weights + bias), obs=y)
