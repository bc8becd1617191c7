"""A multivariate normal law with unknown mean, scales and correlations."""

from __future__ import annotations

from torch import Tensor

import pyro
import pyro.distributions as dist


def model(x: Tensor) -> None:
    rows, dim = x.shape
    loc = pyro.sample("loc", dist.Normal(0.0, 2.0).expand([dim]).to_event(1))
    scale = pyro.sample("scale", dist.HalfCauchy(1.0).expand([dim]).to_event(1))
    correlation = pyro.sample("correlation", dist.LKJCholesky(dim, 2.0))
    with pyro.plate("rows", rows):
        tril = scale[:, None] * correlation
        pyro.sample("x", dist.MultivariateNormal(loc, scale_tril=tril), obs=x)
