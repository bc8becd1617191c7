"""Eight schools, not centred."""

from __future__ import annotations

from torch import Tensor

import pyro
import pyro.distributions as dist


def model(stddev: Tensor, effect: Tensor) -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("school", len(stddev)):
        eta = pyro.sample("eta", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(mu + tau * eta, stddev), obs=effect)
