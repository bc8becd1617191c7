"""Regression of overdispersed counts: lgamma depends on a parameter, for each row anew."""

from __future__ import annotations

from torch import Tensor

import pyro
import pyro.distributions as dist


def model(x: Tensor, y: Tensor) -> None:
    bias = pyro.sample("bias", dist.Normal(0.0, 2.0))
    weights = pyro.sample("weights", dist.Normal(0.0, 1.0).expand([x.shape[1]]).to_event(1))
    shape = pyro.sample("shape", dist.Exponential(0.5))
    with pyro.plate("rows", len(x)):
        rate = shape * (-(x @ weights + bias)).exp()
        pyro.sample("y", dist.GammaPoisson(shape, rate), obs=y)
