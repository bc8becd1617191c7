"""Distributions over tensors: families, constraints and transforms."""

from torch.distributions import biject_to, kl_divergence, register_kl, transform_to

from pyro.distributions import constraints, kl, transforms
from pyro.distributions import torch as torch
from pyro.distributions.delta import Delta
from pyro.distributions.distribution import Distribution
from pyro.distributions.empirical import Empirical
from pyro.distributions.improper_uniform import ImproperUniform
from pyro.distributions.score_parts import ScoreParts
from pyro.distributions.torch import *  # noqa: F403
from pyro.distributions.torch_distribution import (
    ExpandedDistribution,
    MaskedDistribution,
    TorchDistribution,
    TorchDistributionMixin,
)
from pyro.distributions.unit import Unit
from pyro.distributions.util import (
    enable_validation,
    is_validation_enabled,
    validation_enabled,
)

__all__ = [
    "Delta",
    "Distribution",
    "Empirical",
    "ExpandedDistribution",
    "ImproperUniform",
    "MaskedDistribution",
    "ScoreParts",
    "TorchDistribution",
    "TorchDistributionMixin",
    "Unit",
    "biject_to",
    "constraints",
    "enable_validation",
    "is_validation_enabled",
    "kl",
    "kl_divergence",
    "register_kl",
    "transform_to",
    "transforms",
    "validation_enabled",
]
__all__ += torch.__all__
