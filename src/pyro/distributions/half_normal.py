"""The half-normal distribution."""

from __future__ import annotations

import math

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions.transforms import AbsTransform

from pyro.distributions.normal import Normal
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, tensor_like

_LOG_SQRT_2_OVER_PI = 0.5 * math.log(2 / math.pi)
_SCALAR = torch.Size()


@torch_family
class HalfNormal(td.HalfNormal, TorchDistribution):
    r""":math:`f(x) = \sqrt{\frac{2}{\pi \sigma^2}}\; e^{-x^2 / (2 \sigma^2)}, \qquad x \ge 0`

    The absolute value of a normal variable of mean zero; a prior of scales.  See Johnson, Kotz and
    Balakrishnan (1994), *Continuous Univariate Distributions*, vol. 1, chapter 13.

    :param scale: The scale :math:`\sigma` of the normal variable, positive, of the batch shape.

    Example::

        >>> d = dist.HalfNormal(torch.tensor([1.0, 5.0]))
        >>> d.mean, d.log_prob(1.0)
        (tensor([0.7979, 3.9894]), tensor([-0.7258, -1.8552]))
    """

    def __init__(self, scale: Numeric, validate_args: bool | None = None) -> None:
        scale = tensor_like(scale)
        self.base_dist = Normal(scale.new_zeros(()), scale, validate_args=False)
        self.transforms = [AbsTransform()]
        ValidatedDistribution.__init__(self, scale.shape, _SCALAR, validate_args)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; ``-inf`` below zero."""
        value = self._scored(value)
        scale = self.base_dist.scale
        z = value / scale
        log_prob = torch.addcmul(_LOG_SQRT_2_OVER_PI - scale.log(), z, z, value=-0.5)
        return log_prob if self._validate_args else torch.where(value >= 0, log_prob, -math.inf)
