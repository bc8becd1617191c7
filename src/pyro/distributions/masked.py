"""Distributions that count only where a mask is True."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.distribution import Distribution
from pyro.distributions.feasible import feasible_point
from pyro.distributions.mixin import WRAPPERS, TorchDistribution
from pyro.distributions.score_parts import ScoreParts
from pyro.ops.masking import scale_and_mask
from pyro.ops.shapes import Numeric, broadcast_shape

_EMPTY = torch.Size()


class MaskedDistribution(TorchDistribution):
    """A distribution whose log density is zero where ``mask`` is False; see ``mask``.

    Draws, shapes and support are those of the base.  Values under the mask are never looked at:
    they may be nan, and no nan reaches a gradient.

    :param base_dist: Any distribution over tensors.
    :param mask: A bool or a bool tensor that broadcasts with the batch shape.

    Example::

        >>> d = dist.Exponential(torch.ones(3)).mask(torch.tensor([True, False, True]))
        >>> type(d).__name__, d.log_prob(torch.tensor([1.0, float("nan"), 2.0])).tolist()
        ('MaskedDistribution', [-1.0, 0.0, -2.0])
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base_dist: Any, mask: bool | Tensor) -> None:
        if isinstance(mask, Tensor):
            if mask.dtype is not torch.bool:
                raise ValueError(f"mask must be a bool or a BoolTensor, got dtype {mask.dtype}")
            shape = broadcast_shape(mask.shape, base_dist.batch_shape)
            mask = mask if mask.shape == shape else mask.expand(shape)
            base_dist = base_dist.expand(shape)
        elif not isinstance(mask, bool):
            raise ValueError(f"mask must be a bool or a BoolTensor, got {type(mask).__name__}")
        self.base_dist = base_dist
        self._mask = mask
        self._batch_shape = base_dist.batch_shape
        self._event_shape = base_dist.event_shape

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast base and mask to ``batch_shape``."""
        if _instance is None and batch_shape == self._batch_shape:
            return self
        shape = torch.Size(batch_shape)
        mask = self._mask.expand(shape) if isinstance(self._mask, Tensor) else self._mask
        return type(self)(self.base_dist.expand(shape), mask)

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
        """That of the base."""
        return self.base_dist.mean  # type: ignore[no-any-return]

    @property
    def mode(self) -> Tensor:
        """That of the base."""
        return self.base_dist.mode  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """That of the base."""
        return self.base_dist.variance  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """A draw of the base."""
        return self.base_dist.sample(torch.Size(sample_shape))  # type: ignore[no-any-return]

    def rsample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """A differentiable draw of the base."""
        return self.base_dist.rsample(torch.Size(sample_shape))  # type: ignore[no-any-return]

    def log_prob(self, value: Numeric) -> Tensor:
        """The base's log density where the mask is True and zero elsewhere."""
        mask = self._mask
        if mask is True:
            return self.base_dist.log_prob(value)  # type: ignore[no-any-return]
        value = self._as_value(value)
        if mask is False:
            batch = value.shape[: value.dim() - self.event_dim]
            return _zeros(broadcast_shape(batch, self._batch_shape), value)
        log_prob = self.base_dist.log_prob(self._hide(value, mask))
        return torch.where(mask, log_prob, log_prob.new_zeros(()))

    def _hide(self, value: Tensor, mask: Tensor) -> Tensor:
        """``value`` with harmless entries under the mask, so that neither nan nor inf spreads."""
        point = feasible_point(self.base_dist.support, value)
        if point is None:
            return value
        keep = mask.reshape(mask.shape + (1,) * self.event_dim)
        return torch.where(keep, value, point)

    def score_parts(self, x: Tensor, *args: Any, **kwargs: Any) -> ScoreParts:
        """The base's score parts, all masked."""
        if self._mask is False:
            zero = self.log_prob(x)
            return ScoreParts(zero, zero, zero)
        if self._mask is True:
            return self.base_dist.score_parts(x, *args, **kwargs)  # type: ignore[no-any-return]
        hidden = self._hide(self._as_value(x), self._mask)
        parts = self.base_dist.score_parts(hidden, *args, **kwargs)
        masked = [scale_and_mask(p, mask=self._mask) for p in parts]
        return ScoreParts(*masked)  # type: ignore[arg-type]

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """That of the base."""
        return self.base_dist.enumerate_support(expand=expand)  # type: ignore[no-any-return]

    def conjugate_update(self, other: Any) -> tuple[Distribution, Tensor]:
        """Fuse with ``other`` where the mask is True, keep ``other`` elsewhere.

        :raises NotImplementedError: for tensor masks.
        """
        if self._mask is True:
            return self.base_dist.conjugate_update(other)  # type: ignore[no-any-return]
        raise NotImplementedError("conjugate_update of a masked distribution")

    def __repr__(self) -> str:
        return f"MaskedDistribution({self.base_dist!r}, mask={self._mask})"


def _zeros(shape: torch.Size, like: Tensor) -> Tensor:
    dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
    return torch.zeros((), dtype=dtype, device=like.device).expand(shape)


WRAPPERS["mask"] = MaskedDistribution
