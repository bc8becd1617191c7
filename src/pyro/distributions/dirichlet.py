"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric
from pyro.ops.special import log_power


@torch_family
class Dirichlet(td.Dirichlet, TorchDistribution):
    r""":math:`f(x) = \frac{\Gamma(\sum_i \alpha_i)}{\prod_i \Gamma(\alpha_i)} \prod_i x_i^{\alpha_i
    - 1}`

    The conjugate prior of the probabilities of categories, over the simplex.  See Kotz,
    Balakrishnan and Johnson (2000), *Continuous Multivariate Distributions*, vol. 1, chapter 49.

    :param concentration: :math:`\alpha`, positive, of shape ``batch_shape + (n,)``.

    Example::

        >>> d = dist.Dirichlet(torch.tensor([1.0, 2.0, 3.0]))
        >>> d.mean, d.log_prob(torch.tensor([0.2, 0.3, 0.5]))
        (tensor([0.1667, 0.3333, 0.5000]), tensor(1.5041))
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        powers = log_power(self.concentration - 1, value).sum(-1)
        return powers + _log_normalizer(self.concentration)

    def conjugate_update(self, other: Any) -> tuple[Dirichlet, Tensor]:
        """The product of two Dirichlet densities is a Dirichlet density times a constant."""
        if not isinstance(other, td.Dirichlet):
            raise NotImplementedError(f"Dirichlet.conjugate_update of {type(other).__name__}")
        updated = Dirichlet(self.concentration + other.concentration - 1)
        parts = [_log_normalizer(d.concentration) for d in (self, other, updated)]
        return updated, parts[0] + parts[1] - parts[2]


def _log_normalizer(concentration: Tensor) -> Tensor:
    return concentration.sum(-1).lgamma() - concentration.lgamma().sum(-1)
