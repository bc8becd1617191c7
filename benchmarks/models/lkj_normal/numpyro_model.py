"""A multivariate normal law with unknown mean, scales and correlations."""

from __future__ import annotations

import numpyro
import numpyro.distributions as dist
from jax import Array


def model(x: Array) -> None:
    rows, dim = x.shape
    loc = numpyro.sample("loc", dist.Normal(0.0, 2.0).expand([dim]).to_event(1))
    scale = numpyro.sample("scale", dist.HalfCauchy(1.0).expand([dim]).to_event(1))
    correlation = numpyro.sample("correlation", dist.LKJCholesky(dim, 2.0))
    with numpyro.plate("rows", rows):
        tril = scale[:, None] * correlation
        numpyro.sample("x", dist.MultivariateNormal(loc, scale_tril=tril), obs=x)
