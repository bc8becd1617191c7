"""Eight schools, not centred."""

from __future__ import annotations

import numpyro
import numpyro.distributions as dist
from jax import Array


def model(stddev: Array, effect: Array) -> None:
    mu = numpyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", dist.HalfCauchy(5.0))
    with numpyro.plate("school", len(stddev)):
        eta = numpyro.sample("eta", dist.Normal(0.0, 1.0))
        numpyro.sample("y", dist.Normal(mu + tau * eta, stddev), obs=effect)
