"""The exponential distribution."""

from __future__ import annotations

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, tensor_like

_SCALAR = torch.Size()


@torch_family
class Exponential(td.Exponential, TorchDistribution):
    r""":math:`f(x) = \lambda e^{-\lambda x}, \qquad x \ge 0`

    The waiting time for an event that happens at a constant rate.  See Johnson, Kotz and
    Balakrishnan (1994), *Continuous Univariate Distributions*, vol. 1, chapter 19.

    :param rate: :math:`\lambda`, positive, of the batch shape.

    Example::

        >>> d = dist.Exponential(torch.tensor([1.0, 2.0]))
        >>> d.mean, d.log_prob(3.0)
        (tensor([1.0000, 0.5000]), tensor([-3.0000, -5.3069]))
    """

    def __init__(self, rate: Numeric, validate_args: bool | None = None) -> None:
        self.rate = tensor_like(rate)
        ValidatedDistribution.__init__(self, self.rate.shape, _SCALAR, validate_args)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        return torch.addcmul(self.rate.log(), self.rate, value, value=-1)
