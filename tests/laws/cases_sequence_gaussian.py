"""Cases of Gaussian families over sequences."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import pyro.distributions as dist
from tests.laws.distribution_case import Case


def noise(loc: Tensor, dim: int = 2) -> Any:
    """Standard noise around ``loc`` in each entry, for every time."""
    return dist.Normal(loc[..., None, None].expand(*loc.shape, 1, dim), 1.0).to_event(1)


def start(loc: Tensor) -> Any:
    """A correlated law of the first state."""
    tril = torch.tensor([[1.0, 0.0], [0.5, 0.7]], dtype=loc.dtype)
    return dist.MultivariateNormal(loc[..., None].expand(*loc.shape, 2), scale_tril=tril)


def matrices(like: Tensor) -> tuple[Tensor, Tensor]:
    """Of transition and of observation."""
    transition = torch.tensor([[0.8, 0.3], [-0.2, 0.6]], dtype=like.dtype)
    return transition, torch.tensor([[1.0], [0.5]], dtype=like.dtype)


def hmm(loc: Tensor) -> Any:
    """Common matrices, five steps."""
    F, H = matrices(loc)
    return dist.GaussianHMM(start(loc), F, noise(loc), H, noise(loc, 1), duration=5)


def varying_hmm(loc: Tensor) -> Any:
    """Each of four steps has matrices of its own."""
    F, H = matrices(loc)
    scale = torch.linspace(0.5, 1.0, 4, dtype=loc.dtype)[:, None, None]
    return dist.GaussianHMM(start(loc), scale * F, noise(loc), H / scale, noise(loc, 1))


def gamma_hmm(loc: Tensor) -> Any:
    """A shared random scale."""
    F, H = matrices(loc)
    scale = dist.Gamma(torch.full_like(loc, 3.0), 2.0)
    return dist.GammaGaussianHMM(scale, start(loc), F, noise(loc), H, noise(loc, 1), duration=3)


def mrf(loc: Tensor) -> Any:
    """Three steps of two coordinates, one of them correlated with what is observed."""
    loc = loc[..., None, None]
    pair = torch.eye(4, dtype=loc.dtype) + 0.4
    seen = torch.eye(3, dtype=loc.dtype) + 0.5
    return dist.GaussianMRF(
        start(loc[..., 0, 0]),
        dist.MultivariateNormal(loc.expand(*loc.shape[:-2], 3, 4), pair),
        dist.MultivariateNormal(loc.expand(*loc.shape[:-2], 1, 3), seen),
    )


SEQUENCE_GAUSSIAN = [
    Case("gaussian-hmm", hmm, {"loc": 0.3}),
    Case("gaussian-hmm-varying", varying_hmm, {"loc": -0.2}),
    Case("gamma-gaussian-hmm", gamma_hmm, {"loc": 0.3}),
    Case("gaussian-mrf", mrf, {"loc": 0.3}),
]
