"""An autoregression of second order, given its first two values."""

from __future__ import annotations

import numpyro
import numpyro.distributions as dist
from jax import Array


def model(y: Array) -> None:
    constant = numpyro.sample("constant", dist.Normal(0.0, 1.0))
    first = numpyro.sample("first", dist.Normal(0.0, 1.0))
    second = numpyro.sample("second", dist.Normal(0.0, 1.0))
    scale = numpyro.sample("scale", dist.HalfNormal(1.0))
    with numpyro.plate("steps", len(y) - 2):
        loc = constant + first * y[1:-1] + second * y[:-2]
        numpyro.sample("y", dist.Normal(loc, scale), obs=y[2:])
