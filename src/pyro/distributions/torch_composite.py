"""Distributions made of other distributions."""

from __future__ import annotations

import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.transforms.caching import clear_caches
from pyro.ops.shapes import Numeric

__all__ = [
    "MixtureSameFamily",
    "TransformedDistribution",
]


@torch_family
class MixtureSameFamily(td.MixtureSameFamily, TorchDistribution):
    r""":math:`f(x) = \sum_k w_k f_k(x)`

    A mixture of laws of one family that differ in their parameters.  See McLachlan and Peel (2000),
    *Finite Mixture Models*, chapter 1.

    :param mixture_distribution: A Categorical of the weights :math:`w`, of the batch shape.
    :param component_distribution: The :math:`f_k` along the last dimension of its batch shape,
        ``batch_shape + (n,)``.

    Example::

        >>> weights = dist.Categorical(torch.tensor([0.2, 0.8]))
        >>> components = dist.Normal(torch.tensor([0.0, 10.0]), 1.0)
        >>> mixture = dist.MixtureSameFamily(weights, components)
        >>> mixture.mean, mixture.batch_shape
        (tensor(8.), torch.Size([]))
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        parts = self.component_distribution.log_prob(self._pad(self._scored(value)))  # type: ignore[no-untyped-call]
        log_prob: Tensor = (parts + self.mixture_distribution.logits).logsumexp(-1)
        return log_prob


@torch_family
class TransformedDistribution(td.TransformedDistribution, TorchDistribution):  # type: ignore[override]
    r""":math:`f(x) = f_z(z)\, \left|\det \frac{\partial T}{\partial z}\right|^{-1}, \qquad x =
    T(z)`

    A distribution pushed through invertible transforms, learnable ones included.  See Rezende and
    Mohamed (2015), *Variational Inference with Normalizing Flows*, equation 5.

    :param base_distribution: The law of :math:`z`, any distribution over tensors.
    :param transforms: The transform :math:`T`, or a list of transforms, applied from first to last.

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
