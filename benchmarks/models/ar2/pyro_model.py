"""An autoregression of second order, given its first two values."""

from __future__ import annotations

from torch import Tensor

import pyro
import pyro.distributions as dist


def model(y: Tensor) -> None:
    constant = pyro.sample("constant", dist.Normal(0.0, 1.0))
    first = pyro.sample("first", dist.Normal(0.0, 1.0))
    second = pyro.sample("second", dist.Normal(0.0, 1.0))
    scale = pyro.sample("scale", dist.HalfNormal(1.0))
    with pyro.plate("steps", len(y) - 2):
        loc = constant + first * y[1:-1] + second * y[:-2]
        pyro.sample("y", dist.Normal(loc, scale), obs=y[2:])
