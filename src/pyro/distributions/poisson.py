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
    r""":math:`P(k) = \lambda^k e^{-\lambda} / k!`

    ``rate`` :math:`\lambda` nonnegative; :math:`k = 0, 1, \dots`.
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
            return value.xlogy(self.rate) - self.rate - (value + 1).lgamma()  # type: ignore[no-any-return]
        rate, value = broadcast_tensors(self.rate, value)
        at = value.nonzero(as_tuple=True)
        counts = value[at].to(rate.dtype)
        nonzero = counts * rate[at].log() - (counts + 1).lgamma()
        return (-rate).index_put(at, nonzero, accumulate=True)
