"""Cases of families over directions, angles and sticks."""

from __future__ import annotations

import torch
from torch import Tensor

import pyro.distributions as dist
from tests.laws.distribution_case import Case, row


def skewed_von_mises(loc: Tensor, concentration: Tensor, skewness: Tensor) -> dist.SineSkewed:
    """Two independent angles, skewed."""
    return dist.SineSkewed(dist.VonMises(loc, concentration).to_event(1), skewness)


def skewed_uniform(skewness: Tensor) -> dist.SineSkewed:
    """Skewed without a location of its own."""
    ends = torch.full_like(skewness, torch.pi)
    return dist.SineSkewed(dist.Uniform(-ends, ends).to_event(1), skewness)


DIRECTIONAL: list[Case] = [
    row("projected-normal-circle", "ProjectedNormal", concentration=[0.7, -1.2]),
    row("projected-normal-sphere", "ProjectedNormal", concentration=[0.7, -1.2, 0.4]),
    row("projected-normal-4", "ProjectedNormal", concentration=[0.7, -1.2, 0.4, 0.0]),
    row("projected-normal-6", "ProjectedNormal", concentration=[0.7, -1.2, 0.4, 0.0, 2.0, 1.0]),
    row("von-mises-3d", "VonMises3D", concentration=[0.7, -1.2, 2.4]),
    Case(
        "sine-skewed-von-mises",
        skewed_von_mises,
        {"loc": [0.4, -1.0], "concentration": [2.0, 0.7], "skewness": [0.5, -0.4]},
        event_dims={"loc": 1, "concentration": 1, "skewness": 1},
    ),
    Case("sine-skewed-uniform", skewed_uniform, {"skewness": [0.9]}, event_dims={"skewness": 1}),
    row(
        "stick-breaking",
        "StickBreakingWeights",
        concentration=1.7,
        truncation=5,
        static=("truncation",),
    ),
    row(
        "stick-breaking-discount",
        "StickBreakingWeights",
        concentration=1.7,
        truncation=4,
        discount=0.3,
        static=("truncation",),
    ),
    row(
        "sine-bivariate",
        "SineBivariateVonMises",
        phi_loc=0.4,
        psi_loc=-2.0,
        phi_concentration=2.0,
        psi_concentration=3.0,
        correlation=1.1,
    ),
    row(
        "sine-bivariate-weighted",
        "SineBivariateVonMises",
        phi_loc=0.4,
        psi_loc=3.0,
        phi_concentration=5.0,
        psi_concentration=3.0,
        weighted_correlation=-2.0,
    ),
]
