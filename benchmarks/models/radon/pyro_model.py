"""Linear regression whose level differs from county to county, not centred."""

from __future__ import annotations

from torch import Tensor

import pyro
import pyro.distributions as dist

GROUPS = 85


def model(group: Tensor, floor: Tensor, y: Tensor) -> None:
    loc = pyro.sample("loc", dist.Normal(0.0, 5.0))
    spread = pyro.sample("spread", dist.HalfCauchy(1.0))
    slope = pyro.sample("slope", dist.Normal(0.0, 5.0))
    scale = pyro.sample("scale", dist.HalfCauchy(1.0))
    with pyro.plate("counties", GROUPS):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
    level = loc + spread * z
    with pyro.plate("houses", len(y)):
        pyro.sample("y", dist.Normal(level[group] + slope * floor, scale), obs=y)
