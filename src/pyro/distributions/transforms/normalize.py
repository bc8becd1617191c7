"""Projection onto the unit sphere."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints


class Normalize(tt.Transform):
    r""":math:`y = x / \lVert x \rVert_p`, from real vectors to the sphere; not injective.

    There is no density to transform, and no log-determinant.  Independent normal entries become
    uniform directions (Muller 1959, *A note on a method for generating points uniformly on
    n-dimensional spheres*).

    :param p: The norm's degree; the codomain is the Euclidean sphere for ``p = 2``.

    Example::

        >>> Normalize()(torch.tensor([3.0, 4.0]))
        tensor([0.6000, 0.8000])
    """

    domain = constraints.real_vector
    codomain = constraints.sphere
    bijective = False

    def __init__(self, p: float = 2, cache_size: int = 0) -> None:
        if p < 0:
            raise ValueError(f"p must be nonnegative, got {p}")
        self.p = p
        super().__init__(cache_size=cache_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Normalize) and other.p == self.p

    def _call(self, x: Tensor) -> Tensor:
        return F.normalize(x, p=self.p, dim=-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y

    def with_cache(self, cache_size: int = 1) -> Normalize:
        """The same transform with another cache size."""
        return self if self._cache_size == cache_size else Normalize(self.p, cache_size)
