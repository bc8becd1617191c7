"""Regression by a Gaussian process: a kernel with three unknowns, the function summed out."""

from __future__ import annotations

import torch
from torch import Tensor

import pyro
import pyro.distributions as dist


def model(x: Tensor, y: Tensor) -> None:
    variance = pyro.sample("variance", dist.LogNormal(0.0, 1.0))
    length = pyro.sample("length", dist.LogNormal(0.0, 1.0))
    noise = pyro.sample("noise", dist.LogNormal(-1.0, 1.0))
    squared = ((x[:, None] - x) / length) ** 2
    kernel = variance * (-0.5 * squared).exp() + (noise + 1e-6) * torch.eye(len(x))
    pyro.sample("y", dist.MultivariateNormal(torch.zeros(len(x)), kernel), obs=y)
