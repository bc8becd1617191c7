"""The Poisson distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, broadcast_tensors, tensor_like

_SCALAR = torch.Size()


@torch_family
class Poisson(td.Poisson, TorchDistribution):
    r""":math:`P(k) = \frac{\lambda^k e^{-\lambda}}{k!}, \qquad k = 0, 1, \dots`

    The number of independent rare events.  See Johnson, Kemp and Kotz (2005), *Univariate Discrete
    Distributions*, chapter 4.

    :param rate: The mean :math:`\lambda`, nonnegative, of the batch shape.
    :param is_sparse: Whether most counts are zero: then only the others cost time.

    Example::

        >>> d = dist.Poisson(torch.tensor([0.5, 3.0]))
        >>> d.variance, d.log_prob(2.0)
        (tensor([0.5000, 3.0000]), tensor([-2.5794, -1.4959]))
    """

    def __init__(
        self, rate: Numeric, *, is_sparse: bool = False, validate_args: bool | None = None
    ) -> None:
        self.rate = tensor_like(rate)
        self.is_sparse = is_sparse
        ValidatedDistribution.__init__(self, self.rate.shape, _SCALAR, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        if batch_shape == self._batch_shape:
            return self
        rate = self.rate.expand(torch.Size(batch_shape))
        new = type(self)(rate, is_sparse=self.is_sparse, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; ``is_sparse`` looks only at the nonzero counts."""
        value = self._scored(value)
        if not self.is_sparse or value.dim() == 0:
            rate = torch.where(value == 0, 1.0, self.rate)  # so that no gradient k / rate is 0 / 0
            scored: Tensor = value * rate.log() - self.rate - (value + 1).lgamma()
            return scored
        rate, value = broadcast_tensors(self.rate, value)
        at = value.nonzero(as_tuple=True)
        counts = value[at].to(rate.dtype)
        nonzero = counts * rate[at].log() - (counts + 1).lgamma()
        return (-rate).index_put(at, nonzero, accumulate=True)
