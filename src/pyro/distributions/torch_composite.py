"""Distributions made of other distributions."""

from __future__ import annotations

import torch.distributions as td

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.transforms.caching import clear_caches

__all__ = [
    "MixtureSameFamily",
    "TransformedDistribution",
]


@torch_family
class MixtureSameFamily(td.MixtureSameFamily, TorchDistribution):
    r""":math:`f(x) = \sum_k w_k f_k(x)`

    ``mixture_distribution`` a Categorical over the last batch dimension of
    ``component_distribution``.

    Example::

        >>> weights = dist.Categorical(torch.tensor([0.2, 0.8]))
        >>> components = dist.Normal(torch.tensor([0.0, 10.0]), 1.0)
        >>> mixture = dist.MixtureSameFamily(weights, components)
        >>> mixture.mean, mixture.batch_shape
        (tensor(8.), torch.Size([]))
    """


@torch_family
class TransformedDistribution(td.TransformedDistribution, TorchDistribution):  # type: ignore[override]
    r""":math:`x = T(z),\quad \log f(x) = \log f_z(z) - \log|\det \partial T/\partial z|`

    ``base_distribution`` of :math:`z` and a transform or list of transforms.

    Example::

        >>> shifted = dist.TransformedDistribution(
        ...     dist.Uniform(0.0, 1.0), dist.transforms.AffineTransform(1.0, 2.0)
        ... )
        >>> shifted.log_prob(torch.tensor(2.0)).exp()
        tensor(0.5000)
    """

    def clear_cache(self) -> None:
        """Make the transforms forget the last values they met, and the graph these hold."""
        for transform in self.transforms:
            clear_caches(transform)
