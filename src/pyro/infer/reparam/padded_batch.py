"""Distributions with room at the right of their batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.shapes import Numeric


class PaddedBatch(TorchDistribution):
    """A distribution with dims of size one at the right of its batch shape.

    They take the place of batch dims that have become event dims, so that plates further left keep
    their dims.

    :param base_dist: Any distribution over tensors.
    :param pad: How many dims.

    Example::

        >>> from pyro.infer.reparam.padded_batch import PaddedBatch
        >>> d = PaddedBatch(dist.Dirichlet(torch.ones(5, 3)), 1)
        >>> d.batch_shape, d.sample().shape, d.log_prob(d.sample()).shape
        (torch.Size([5, 1]), torch.Size([5, 1, 3]), torch.Size([5, 1]))
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base_dist: Any, pad: int) -> None:
        self.base_dist, self.pad = base_dist, pad
        shape = base_dist.batch_shape + (1,) * pad
        super().__init__(shape, base_dist.event_shape, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return bool(self.base_dist.has_rsample)

    @tc.dependent_property
    def support(self) -> Any:
        """That of the base."""
        return self.base_dist.support

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast the base; the added dims keep their size."""
        shape = torch.Size(batch_shape)
        return PaddedBatch(self.base_dist.expand(shape[: len(shape) - self.pad]), self.pad)

    def sample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """A draw of the base."""
        return self.padded(self.base_dist.sample(torch.Size(sample_shape)))

    def rsample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """A differentiable draw of the base."""
        return self.padded(self.base_dist.rsample(torch.Size(sample_shape)))

    def log_prob(self, value: Numeric) -> Tensor:
        """The base's log density."""
        log_prob: Tensor = self.base_dist.log_prob(self.unpadded(self._as_value(value)))
        return log_prob.reshape(log_prob.shape + (1,) * self.pad)

    def padded(self, x: Tensor) -> Tensor:
        """A value of the base as one of this distribution."""
        cut = x.dim() - self.event_dim
        return x.reshape(x.shape[:cut] + (1,) * self.pad + x.shape[cut:])

    def unpadded(self, x: Tensor) -> Tensor:
        """A value of this distribution as one of the base."""
        cut = x.dim() - self.event_dim
        return x.reshape(x.shape[: cut - self.pad] + x.shape[cut:])
