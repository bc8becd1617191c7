"""Logistic regression whose weights differ from group to group, not centred."""

from __future__ import annotations

import numpyro
import numpyro.distributions as dist
from jax import Array

GROUPS = 100


def model(x: Array, group: Array, y: Array) -> None:
    columns = x.shape[1]
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0).expand([columns]).to_event(1))
    scale = numpyro.sample("scale", dist.HalfNormal(1.0).expand([columns]).to_event(1))
    with numpyro.plate("groups", GROUPS):
        z = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([columns]).to_event(1))
    weights = loc + scale * z
    with numpyro.plate("rows", len(x)):
        logits = (x * weights[group]).sum(-1)
        numpyro.sample("y", dist.Bernoulli(logits=logits), obs=y)
