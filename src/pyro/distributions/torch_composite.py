"""Distributions made of other distributions."""

from __future__ import annotations

import torch.distributions as td

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family

__all__ = [
    "MixtureSameFamily",
    "TransformedDistribution",
]


@torch_family
class MixtureSameFamily(td.MixtureSameFamily, TorchDistribution):
    r""":math:`f(x) = \sum_k w_k f_k(x)`

    ``mixture_distribution`` a Categorical over the last batch dimension of
    ``component_distribution``.
    """


@torch_family
class TransformedDistribution(td.TransformedDistribution, TorchDistribution):  # type: ignore[override]
    r""":math:`x = T(z),\quad \log f(x) = \log f_z(z) - \log|\det \partial T/\partial z|`

    ``base_distribution`` of :math:`z` and a transform or list of transforms.
    """
