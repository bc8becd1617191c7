"""Logistic regression on 256 rows at a time."""

from __future__ import annotations

from torch import Tensor

import pyro
import pyro.distributions as dist

BATCH = 256


def model(x: Tensor, y: Tensor) -> None:
    bias = pyro.sample("bias", dist.Normal(0.0, 2.0))
    weights = pyro.sample("weights", dist.Normal(0.0, 1.0).expand([x.shape[1]]).to_event(1))
    with pyro.plate("rows", len(x), subsample_size=BATCH) as chosen:
        pyro.sample("y", dist.Bernoulli(logits=x[chosen] @ weights + bias), obs=y[chosen])
