"""Transforms onto increasing vectors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import transforms as tt

from pyro.distributions import constraints


class OrderedTransform(tt.Transform):
    r"""Real vectors to increasing ones: :math:`y_1 = x_1,\ y_i = y_{i-1} + e^{x_i}`.

    :math:`\log|\det J| = \sum_{i \ge 2} x_i`; the inverse takes the logarithms of the gaps (Stan
    Development Team 2024, *Stan Reference Manual*, ordered vectors).

    Example::

        >>> t = OrderedTransform()
        >>> t(torch.zeros(3)), t.inv(torch.tensor([1.0, 2.0, 3.0]))
        (tensor([0., 1., 2.]), tensor([1., 0., 0.]))
    """

    bijective = True
    sign = 1
    domain = constraints.real_vector
    codomain = constraints.ordered_vector

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrderedTransform)

    def _call(self, x: Tensor) -> Tensor:
        return torch.cat([x[..., :1], x[..., 1:].exp()], -1).cumsum(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return torch.cat([y[..., :1], y.diff(dim=-1).log()], -1)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Shape ``batch_shape``."""
        return x[..., 1:].sum(-1)
