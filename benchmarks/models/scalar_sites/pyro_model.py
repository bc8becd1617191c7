"""Many scalar sites, each seen with noise."""

from __future__ import annotations

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist


def model(y: Tensor) -> None:
    x = [pyro.sample(f"x_{i}", dist.Normal(0.0, 1.0)) for i in range(len(y))]
    pyro.sample("y", dist.Normal(torch.stack(x), 0.5).to_event(1), obs=y)
