"""The documented home of the base classes of distributions over tensors."""

from __future__ import annotations

from pyro.distributions.expanded import ExpandedDistribution
from pyro.distributions.independent import Independent
from pyro.distributions.masked import MaskedDistribution
from pyro.distributions.mixin import TorchDistribution, TorchDistributionMixin

__all__ = [
    "ExpandedDistribution",
    "Independent",
    "MaskedDistribution",
    "TorchDistribution",
    "TorchDistributionMixin",
]
