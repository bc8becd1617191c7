"""The log-normal distribution."""

from __future__ import annotations

import math

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions.transforms import ExpTransform

from pyro.distributions.normal import Normal
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


@torch_family
class LogNormal(td.LogNormal, TorchDistribution):
    r""":math:`f(x) = \frac{1}{x \sigma \sqrt{2\pi}}\, e^{-\frac{(\log x - \mu)^2}{2 \sigma^2}},
    \qquad x > 0`

    The law of products of many small effects: :math:`\log x` is normal.  See Johnson, Kotz and
    Balakrishnan (1994), *Continuous Univariate Distributions*, vol. 1, chapter 14.

    :param loc: The mean :math:`\mu` of :math:`\log x`, real.
    :param scale: The standard deviation :math:`\sigma` of :math:`\log x`, positive.  Both broadcast
        to the batch shape.

    Example::

        >>> d = dist.LogNormal(torch.tensor([0.0, 1.0]), 0.5)
        >>> d.mean, d.log_prob(1.0)
        (tensor([1.1331, 3.0802]), tensor([-0.2258, -2.2258]))
    """

    def __init__(self, loc: Numeric, scale: Numeric, validate_args: bool | None = None) -> None:
        self.base_dist = Normal(loc, scale, validate_args)
        self.transforms = [ExpTransform()]
        ValidatedDistribution.__init__(self, self.base_dist._batch_shape, validate_args=False)
        self._keep_validation(validate_args)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        log_value = self._scored(value).log()
        scale = self.base_dist.scale
        z = (log_value - self.base_dist.loc) / scale
        return torch.addcmul(-_LOG_SQRT_2PI - scale.log(), z, z, value=-0.5) - log_value
