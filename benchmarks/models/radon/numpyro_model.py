"""Linear regression whose level differs from county to county, not centred."""

from __future__ import annotations

import numpyro
import numpyro.distributions as dist
from jax import Array

GROUPS = 85


def model(group: Array, floor: Array, y: Array) -> None:
    loc = numpyro.sample("loc", dist.Normal(0.0, 5.0))
    spread = numpyro.sample("spread", dist.HalfCauchy(1.0))
    slope = numpyro.sample("slope", dist.Normal(0.0, 5.0))
    scale = numpyro.sample("scale", dist.HalfCauchy(1.0))
    with numpyro.plate("counties", GROUPS):
        z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    level = loc + spread * z
    with numpyro.plate("houses", len(y)):
        numpyro.sample("y", dist.Normal(level[group] + slope * floor, scale), obs=y)
