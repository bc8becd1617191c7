"""A mixture of Dirichlet-multinomial laws, the kind of a document summed out."""

from __future__ import annotations

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import config_enumerate

KINDS = 4


@config_enumerate
def model(counts: Tensor) -> None:
    documents, words = counts.shape
    weights = pyro.sample("weights", dist.Dirichlet(2 * torch.ones(KINDS)))
    prior = dist.LogNormal(0.0, 1.0).expand([KINDS, words]).to_event(2)
    concentration = pyro.sample("concentration", prior)
    with pyro.plate("documents", documents):
        kind = pyro.sample("kind", dist.Categorical(weights))
        law = dist.DirichletMultinomial(concentration[kind], counts.sum(-1))
        pyro.sample("counts", law, obs=counts)
