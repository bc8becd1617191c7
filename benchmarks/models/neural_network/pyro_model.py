"""A Bayesian neural network with one hidden layer of 50 units."""

from __future__ import annotations

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist

HIDDEN = 50


def model(x: Tensor, y: Tensor) -> None:
    columns = x.shape[1]
    inner = dist.Normal(0.0, columns**-0.5).expand([columns, HIDDEN]).to_event(2)
    w1 = pyro.sample("w1", inner)
    b1 = pyro.sample("b1", dist.Normal(0.0, 1.0).expand([HIDDEN]).to_event(1))
    w2 = pyro.sample("w2", dist.Normal(0.0, HIDDEN**-0.5).expand([HIDDEN]).to_event(1))
    b2 = pyro.sample("b2", dist.Normal(0.0, 1.0))
    noise = pyro.sample("noise", dist.HalfNormal(1.0))
    with pyro.plate("rows", len(x)):
        pyro.sample("y", dist.Normal(torch.tanh(x @ w1 + b1) @ w2 + b2, noise), obs=y)
