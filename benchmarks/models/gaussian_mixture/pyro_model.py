"""A mixture of normal laws, the group of a point summed out."""

from __future__ import annotations

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import config_enumerate

NESTING = 1
ENUMERATED = ("kind",)


@config_enumerate
def model(x: Tensor, centers: Tensor) -> None:
    kinds = len(centers)
    weights = pyro.sample("weights", dist.Dirichlet(2 * torch.ones(kinds)))
    locs = pyro.sample("locs", dist.Normal(centers, 1.0).to_event(1))
    scale = pyro.sample("scale", dist.LogNormal(0.0, 0.5))
    with pyro.plate("rows", len(x)):
        kind = pyro.sample("kind", dist.Categorical(weights))
        pyro.sample("x", dist.Normal(locs[kind], scale), obs=x)
