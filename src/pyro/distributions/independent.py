"""Batch dimensions declared dependent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.distribution import Distribution
from pyro.distributions.mixin import WRAPPERS, TorchDistribution
from pyro.ops.shapes import Numeric, sum_rightmost

_EMPTY = torch.Size()


class Independent(td.Independent[Any], TorchDistribution):  # type: ignore[override]
    """A distribution some of whose batch dimensions are declared dependent; see ``to_event``.

    :param base_distribution: Any distribution over tensors.
    :param reinterpreted_batch_ndims: How many rightmost batch dimensions become event dimensions.

    Example::

        >>> d = Independent(dist.Exponential(torch.ones(3, 2)), 1)
        >>> d.batch_shape, d.event_shape, d.log_prob(torch.ones(3, 2))
        (torch.Size([3]), torch.Size([2]), tensor([-2., -2., -2.]))
    """

    def __init__(
        self,
        base_distribution: Any,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        batch = base_distribution.batch_shape
        cut = len(batch) - reinterpreted_batch_ndims
        if cut < 0:
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual "
                f"{reinterpreted_batch_ndims} vs {len(batch)} (batch_shape {tuple(batch)})"
            )
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self._batch_shape = batch[:cut]
        self._event_shape = batch[cut:] + base_distribution.event_shape
        if validate_args is not None:
            self._validate_args = validate_args

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; the event dimensions stay."""
        if _instance is None and batch_shape == self._batch_shape:
            return self
        n = self.reinterpreted_batch_ndims
        base = self.base_dist.expand(torch.Size(batch_shape) + self._event_shape[:n])
        return type(self)(base, n)

    def log_prob(self, value: Numeric) -> Tensor:
        """The base's log density, summed over the reinterpreted dimensions."""
        log_prob = self.base_dist.log_prob(value)
        dim = self.reinterpreted_batch_ndims
        return sum_rightmost(log_prob, dim) if log_prob.dim() >= dim else log_prob.sum()

    def conjugate_update(self, other: Any) -> tuple[Distribution, Tensor]:
        """Fuse base with base; the normaliser is summed over the reinterpreted dimensions."""
        n = self.reinterpreted_batch_ndims
        base, log_normalizer = self.base_dist.conjugate_update(other.to_event(-n))
        return base.to_event(n), sum_rightmost(log_normalizer, n)


WRAPPERS["to_event"] = Independent
