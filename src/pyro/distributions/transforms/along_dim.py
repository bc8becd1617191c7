"""Bases of transforms of real tensors along one dimension."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pyro.distributions import constraints
from pyro.distributions.transforms.caching import RoundTripTransform


class AlongDim(RoundTripTransform):
    """A bijection along ``dim``, negative, which begins the event.

    Example::

        >>> dist.transforms.affine_coupling([4, 2], dim=-2).domain.event_dim
        2
    """

    bijective = True
    dim: int

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        """Real tensors with ``-dim`` dimensions."""
        return constraints.independent(constraints.real, -self.dim)

    codomain = domain


class OrthogonalAlongDim(AlongDim):
    """A linear map along ``dim`` that preserves lengths, and with them volume.

    Example::

        >>> t = dist.transforms.HaarTransform()
        >>> t.log_abs_det_jacobian(torch.ones(3, 4), t(torch.ones(3, 4)))
        tensor([0., 0., 0.])
    """

    def __init__(self, dim: int, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.dim = negative(dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Zeros of shape ``batch_shape``."""
        return x.new_zeros(x.shape[: self.dim])


def negative(dim: int) -> int:
    """The dimension itself.

    :raises ValueError: if it is not negative.
    """
    if dim >= 0:
        raise ValueError(f"dim must be negative, got {dim}")
    return dim
