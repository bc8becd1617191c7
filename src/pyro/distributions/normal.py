"""The normal distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.twins import shared_among_twins
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, broadcast_tensors

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_SCALAR = torch.Size()


@torch_family
class Normal(td.Normal, TorchDistribution):
    r""":math:`f(x) = \frac{1}{\sqrt{2\pi}\,\sigma}\, e^{-\frac12
    \left(\frac{x-\mu}{\sigma}\right)^2}`

    The law of sums of many small effects, over the real numbers.  See Johnson, Kotz and
    Balakrishnan (1994), *Continuous Univariate Distributions*, vol. 1, chapter 13.

    :param loc: The mean :math:`\mu`, real.
    :param scale: The standard deviation :math:`\sigma`, positive.  Both broadcast to the batch
        shape.

    Example::

        >>> d = dist.Normal(torch.tensor([0.0, 1.0]), 2.0)
        >>> d.variance, d.log_prob(0.0)
        (tensor([4., 4.]), tensor([-1.6121, -1.7371]))
    """

    @shared_among_twins
    def __init__(self, loc: Numeric, scale: Numeric, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_tensors(loc, scale)
        ValidatedDistribution.__init__(self, self.loc.shape, _SCALAR, validate_args)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``; differentiable."""
        loc = self.loc
        shape = (*sample_shape, *loc.shape) if sample_shape else loc.shape
        return torch.addcmul(
            loc, self.scale, torch.randn(shape, dtype=loc.dtype, device=loc.device)
        )

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        z = (value - self.loc) / self.scale
        return torch.addcmul(-_LOG_SQRT_2PI - self.scale.log(), z, z, value=-0.5)

    def conjugate_update(self, other: Any) -> tuple[Normal, Tensor]:
        """The product of two normal densities is a normal density times a constant."""
        if not isinstance(other, td.Normal):
            raise NotImplementedError(f"Normal.conjugate_update of {type(other).__name__}")
        precision, other_precision = self.scale**-2, other.scale**-2
        total = precision + other_precision
        loc = (self.loc * precision + other.loc * other_precision) / total
        spread = (self.scale.square() + other.scale.square()).sqrt()
        return Normal(loc, total.rsqrt()), Normal(self.loc, spread).log_prob(other.loc)
