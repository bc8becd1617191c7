"""Independent copies of any distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.mixin import WRAPPERS, TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, broadcast_shape

_EMPTY = torch.Size()


class ExpandedDistribution(TorchDistribution):
    """Independent copies of a distribution that has no ``expand`` of its own.

    :param base_dist: Any distribution over tensors.
    :param batch_shape: The new batch shape; the base's broadcasts to it.
    :raises ValueError: if it does not.

    Example::

        >>> d = ExpandedDistribution(dist.Normal(torch.zeros(3, 1), 1.0), (3, 4))
        >>> d.batch_shape, d.sample().shape, d.log_prob(torch.zeros(3, 4)).shape
        (torch.Size([3, 4]), torch.Size([3, 4]), torch.Size([3, 4]))
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base_dist: Any, batch_shape: Sequence[int] = _EMPTY) -> None:
        shape = torch.Size(batch_shape)
        base = base_dist.batch_shape
        if broadcast_shape(shape, base) != shape:
            raise ShapeError(f"cannot expand batch_shape {tuple(base)} to {tuple(shape)}")
        self.base_dist = base_dist
        self._batch_shape = shape
        self._event_shape = base_dist.event_shape

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast further."""
        if _instance is None and batch_shape == self._batch_shape:
            return self
        broadcast_to = torch.Size(batch_shape)
        if broadcast_shape(broadcast_to, self._batch_shape) != broadcast_to:
            raise ShapeError(
                f"cannot expand batch_shape {tuple(self._batch_shape)} to {tuple(broadcast_to)}"
            )
        return type(self)(self.base_dist, broadcast_to)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return bool(self.base_dist.has_rsample)

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return bool(self.base_dist.has_enumerate_support)

    @tc.dependent_property
    def support(self) -> Any:
        """That of the base."""
        return self.base_dist.support

    @property
    def mean(self) -> Tensor:
        """The base's mean, broadcast."""
        return self.base_dist.mean.expand(self.shape())  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """The base's variance, broadcast."""
        return self.base_dist.variance.expand(self.shape())  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """Independent draws along all expanded dimensions."""
        return self._draw(self.base_dist.sample, sample_shape)

    def rsample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """Independent differentiable draws along all expanded dimensions."""
        return self._draw(self.base_dist.rsample, sample_shape)

    def _draw(self, draw: Any, sample_shape: Sequence[int]) -> Tensor:
        """Draw one leading sample per grown dimension, then move it where it grew."""
        base = self.base_dist.batch_shape
        extra = len(self._batch_shape) - len(base)
        padded = (1,) * extra + tuple(base)
        grown = [i for i, n in enumerate(self._batch_shape) if padded[i] != n]
        lead = len(sample_shape)
        x = draw(torch.Size(sample_shape) + torch.Size(self._batch_shape[i] for i in grown))
        x = x.reshape(x.shape[: lead + len(grown)] + torch.Size(padded) + self._event_shape)
        for rank, i in enumerate(grown):
            x = x.transpose(lead + rank, lead + len(grown) + i)
        return x.reshape(self.shape(sample_shape))  # type: ignore[no-any-return]

    def log_prob(self, value: Numeric) -> Tensor:
        """The base's log density, broadcast."""
        value = self._as_value(value)
        shape = broadcast_shape(value.shape[: value.dim() - self.event_dim], self._batch_shape)
        return self.base_dist.log_prob(value).expand(shape)  # type: ignore[no-any-return]

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The base's values, broadcast when ``expand``."""
        values = self.base_dist.enumerate_support(expand=False)
        extra = len(self._batch_shape) - len(self.base_dist.batch_shape)
        values = values.reshape(values.shape[:1] + (1,) * extra + values.shape[1:])
        if expand:
            values = values.expand(values.shape[:1] + self._batch_shape + self._event_shape)
        return values  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"ExpandedDistribution({self.base_dist!r}, {tuple(self._batch_shape)})"


WRAPPERS["expand"] = ExpandedDistribution
