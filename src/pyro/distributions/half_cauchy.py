"""The half-Cauchy distribution."""

from __future__ import annotations

import math

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions.transforms import AbsTransform

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.torch_real import Cauchy
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, tensor_like

_LOG_2_OVER_PI = math.log(2 / math.pi)
_SCALAR = torch.Size()


@torch_family
class HalfCauchy(td.HalfCauchy, TorchDistribution):
    r""":math:`f(x) = \frac{2}{\pi \gamma \left(1 + (x/\gamma)^2\right)}, \qquad x \ge 0`

    A weakly informative prior of scales; it has no mean.  See Gelman (2006), *Prior Distributions
    for Variance Parameters in Hierarchical Models*, Bayesian Analysis 1.

    :param scale: The median :math:`\gamma`, positive, of the batch shape.

    Example::

        >>> d = dist.HalfCauchy(torch.tensor([1.0, 5.0]))
        >>> d.cdf(1.0), d.log_prob(1.0)
        (tensor([0.5000, 0.1257]), tensor([-1.1447, -2.1002]))
    """

    def __init__(self, scale: Numeric, validate_args: bool | None = None) -> None:
        scale = tensor_like(scale)
        self.base_dist = Cauchy(scale.new_zeros(()), scale, validate_args=False)
        self.transforms = [AbsTransform()]
        ValidatedDistribution.__init__(self, scale.shape, _SCALAR, validate_args)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; ``-inf`` below zero."""
        value = self._scored(value)
        scale = self.base_dist.scale
        log_prob = _LOG_2_OVER_PI - scale.log() - (value / scale).square().log1p()
        return log_prob if self._validate_args else torch.where(value >= 0, log_prob, -math.inf)
