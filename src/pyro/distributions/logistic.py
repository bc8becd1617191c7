"""The logistic distribution."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pyro.distributions.symmetric import SymmetricDistribution
from pyro.distributions.tails import register_tails
from pyro.ops.shapes import Numeric


class Logistic(SymmetricDistribution):
    r""":math:`f(x) = \frac{e^{-z}}{s (1 + e^{-z})^2},\quad z = (x-\mu)/s`

    Smooth, with exponential tails; the law of the noise behind logistic regression.

    See Johnson, Kotz and Balakrishnan (1995), *Continuous Univariate Distributions* 2, chapter 23.

    :param loc: The mean :math:`\mu`, real; broadcasts with ``scale`` to the batch shape.
    :param scale: The scale :math:`s`, positive.

    Example::

        >>> dist.Logistic(0.0, 1.0).log_prob(torch.tensor([0.0, 200.0]))
        tensor([  -1.3863, -200.0000])
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        z = ((self._scored(value) - self.loc) / self.scale).abs()
        return -z - 2 * F.softplus(-z) - self.scale.log()

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`1 / (1 + e^{-z})`."""
        return torch.sigmoid((self._scored(value) - self.loc) / self.scale)

    def icdf(self, value: Numeric) -> Tensor:
        r""":math:`\mu + s \log(u / (1 - u))`."""
        u = self._as_value(value)
        return self.loc + self.scale * (u.log() - torch.log1p(-u))

    @property
    def variance(self) -> Tensor:
        r""":math:`s^2 \pi^2 / 3`."""
        return self.scale.square() * (math.pi**2 / 3)

    def entropy(self) -> Tensor:
        r""":math:`\log s + 2`."""
        return self.scale.log() + 2


@register_tails(Logistic, lambda d, log_u, log_1mu: d.loc + d.scale * (log_u - log_1mu))
def _tails(d: Logistic, x: Tensor) -> tuple[Tensor, Tensor]:
    z = (x - d.loc) / d.scale
    return F.logsigmoid(z), F.logsigmoid(-z)
