"""Returns with heavy tails, whose log volatility is a random walk; not centred."""

from __future__ import annotations

from torch import Tensor

import pyro
import pyro.distributions as dist


def model(returns: Tensor) -> None:
    step = pyro.sample("step", dist.Exponential(10.0))
    tails = pyro.sample("tails", dist.Exponential(0.1))
    start = pyro.sample("start", dist.Normal(0.0, 2.0))
    with pyro.plate("days", len(returns)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        scale = (start + step * z.cumsum(-1)).exp()
        pyro.sample("returns", dist.StudentT(tails, 0.0, scale), obs=returns)
