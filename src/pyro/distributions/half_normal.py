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
    r""":math:`f(x) = \sqrt{\tfrac{2}{\pi\sigma^2}}\, e^{-x^2/(2\sigma^2)}`

    ``scale`` positive; :math:`x \ge 0`.
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
