"""Logistic regression whose weights differ from group to group, not centred."""

from __future__ import annotations

from torch import Tensor

import pyro
import pyro.distributions as dist

GROUPS = 100


def model(x: Tensor, group: Tensor, y: Tensor) -> None:
    columns = x.shape[1]
    loc = pyro.sample("loc", dist.Normal(0.0, 1.0).expand([columns]).to_event(1))
    scale = pyro.sample("scale", dist.HalfNormal(1.0).expand([columns]).to_event(1))
    with pyro.plate("groups", GROUPS):
        z = pyro.sample("z", dist.Normal(0.0, 1.0).expand([columns]).to_event(1))
    weights = loc + scale * z
    with pyro.plate("rows", len(x)):
        logits = (x * weights[group]).sum(-1)
        pyro.sample("y", dist.Bernoulli(logits=logits), obs=y)
