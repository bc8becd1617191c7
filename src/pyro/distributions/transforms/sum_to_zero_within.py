"""Vectors whose groups of entries sum to zero."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc
from torch.distributions import transforms as tt

from pyro.distributions import constraints
from pyro.distributions.transforms.sum_to_zero import SumToZeroTransform


class SumToZeroWithinTransform(tt.Transform):
    r"""Real vectors to vectors of which each group of entries sums to zero.

    :class:`SumToZeroTransform` on each group, the free entries first; an isometry, too.

    :param groups: The group of each entry of the image, a long vector; -1 for free entries.

    Example::

        >>> from pyro.distributions.transforms.sum_to_zero_within import SumToZeroWithinTransform
        >>> t = SumToZeroWithinTransform(torch.tensor([0, -1, 0]))
        >>> t(torch.tensor([5.0, 2**0.5]))
        tensor([ 1.,  5., -1.])
    """

    bijective = True
    domain = constraints.real_vector

    def __init__(self, groups: Tensor, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.groups = groups

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and torch.equal(self.groups, other.groups)

    def with_cache(self, cache_size: int = 1) -> Any:
        """The same transform with another cache."""
        return type(self)(self.groups, cache_size)

    @tc.dependent_property(event_dim=1)
    def codomain(self) -> Any:
        """The vectors whose groups sum to zero."""
        return constraints.sum_to_zero_within(self.groups)

    @cached_property
    def _order(self) -> Tensor:
        """The entries, group by group."""
        return self.groups.argsort(stable=True)

    @cached_property
    def _place(self) -> Tensor:
        return self._order.argsort()

    @cached_property
    def _sizes(self) -> tuple[int, list[int]]:
        """The number of free entries and of the entries of each group."""
        free = int((self.groups < 0).sum())
        return free, self.groups[self.groups >= 0].unique(return_counts=True)[1].tolist()

    def forward_shape(self, shape: Any) -> Any:
        """One entry more for each group."""
        return torch.Size(shape[:-1]) + (shape[-1] + len(self._sizes[1]),)

    def inverse_shape(self, shape: Any) -> Any:
        """One entry less for each group."""
        return torch.Size(shape[:-1]) + (shape[-1] - len(self._sizes[1]),)

    def _call(self, x: Tensor) -> Tensor:
        free, sizes = self._sizes
        first, *parts = x.split([free, *(size - 1 for size in sizes)], -1)
        parts = [_centred(part) for part in parts]
        return torch.cat([first, *parts], -1).index_select(-1, self._place)

    def _inverse(self, y: Tensor) -> Tensor:
        free, sizes = self._sizes
        first, *parts = y.index_select(-1, self._order).split([free, *sizes], -1)
        return torch.cat([first, *(SumToZeroTransform()._inverse(part) for part in parts)], -1)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Zeros of shape ``batch_shape``."""
        return x.new_zeros(x.shape[:-1])


def _centred(x: Tensor) -> Tensor:
    """One entry more; a group of one entry is the number zero."""
    if x.shape[-1] == 0:
        return x.new_zeros((*x.shape[:-1], 1))
    return SumToZeroTransform()._call(x)
