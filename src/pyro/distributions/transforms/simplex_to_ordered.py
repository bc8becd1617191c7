"""From probabilities of categories to cutpoints."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints


class SimplexToOrderedTransform(tt.Transform):
    r"""Probabilities of :math:`K` ordered categories to :math:`K - 1` increasing cutpoints.

    :math:`y_i = a + \mathrm{logit}(p_1 + \dots + p_i)`, so that a logistic variable with centre
    :math:`a` falls between the cutpoints with probabilities :math:`p`. With a Dirichlet prior on
    :math:`p` it gives a prior on the cutpoints of an ordinal model (Betancourt 2019, *Ordinal
    regression*, section 2.2). The log-determinant is that in :math:`p_1, \dots, p_{K-1}`,
    the inverse takes differences of logistic functions.

    :param anchor_point: :math:`a`, a number or a tensor that broadcasts with the cutpoints.

    Example::

        >>> t = SimplexToOrderedTransform(torch.tensor(0.0))
        >>> t(torch.tensor([0.2, 0.3, 0.5]))
        tensor([-1.3863,  0.0000])
    """

    domain = constraints.simplex
    codomain = constraints.ordered_vector
    bijective = True

    def __init__(self, anchor_point: Any = 0.0, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.anchor_point = torch.as_tensor(0.0 if anchor_point is None else anchor_point)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SimplexToOrderedTransform) and bool(
            (self.anchor_point == other.anchor_point).all()
        )

    def with_cache(self, cache_size: int = 1) -> SimplexToOrderedTransform:
        """The same transform with another cache size."""
        if self._cache_size == cache_size:
            return self
        return SimplexToOrderedTransform(self.anchor_point, cache_size)

    def forward_shape(self, shape: Any) -> Any:
        """One entry less along the last dimension."""
        return torch.Size(shape[:-1]) + (shape[-1] - 1,)

    def inverse_shape(self, shape: Any) -> Any:
        """One entry more along the last dimension."""
        return torch.Size(shape[:-1]) + (shape[-1] + 1,)

    def _call(self, x: Tensor) -> Tensor:
        below = x[..., :-1].cumsum(-1)
        above = x[..., 1:].flip(-1).cumsum(-1).flip(-1)  # exact near 1, where 1 - below is not
        return self.anchor_point + below.log() - above.log()

    def _inverse(self, y: Tensor) -> Tensor:
        centred = y - self.anchor_point
        one = torch.ones_like(centred[..., :1])
        below = torch.cat([0 * one, centred.sigmoid(), one], -1).diff(dim=-1)
        above = torch.cat([one, (-centred).sigmoid(), 0 * one], -1).diff(dim=-1).neg()
        left = torch.cat([centred, centred[..., -1:]], -1) <= 0
        return torch.where(left, below, above)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Shape ``batch_shape``."""
        centred = y - self.anchor_point
        # minus the logarithms of both sigmoids, softplus(-c) + softplus(c)
        log_det: Tensor = (2 * torch.nn.functional.softplus(centred, threshold=40.0) - centred).sum(
            -1
        )
        return log_det
