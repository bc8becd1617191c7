"""The uniform distribution on an interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import ExpandedDistribution, TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, as_tensors, broadcast_tensors

_SCALAR = torch.Size()


@torch_family
class Uniform(td.Uniform, TorchDistribution):
    r""":math:`f(x) = \frac{1}{b - a}, \qquad a \le x \le b`

    Equal density on an interval.  See Johnson, Kotz and Balakrishnan (1995), *Continuous Univariate
    Distributions*, vol. 2, chapter 26.

    :param low: :math:`a`, real.
    :param high: :math:`b`, greater than ``low``.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.Uniform(torch.tensor([0.0, -1.0]), 1.0)
        >>> d.mean, d.log_prob(0.5)
        (tensor([0.5000, 0.0000]), tensor([ 0.0000, -0.6931]))
    """

    def __init__(self, low: Numeric, high: Numeric, validate_args: bool | None = None) -> None:
        low, high = as_tensors(low, high)
        self._unbroadcast = low, high
        self.low, self.high = broadcast_tensors(low, high)
        ValidatedDistribution.__init__(self, self.low.shape, _SCALAR, validate_args)

    def _validate_parameters(self) -> None:
        low, high = self._unbroadcast
        if not (low < high).all():
            ValidatedDistribution._validate_parameters(self)

    @tc.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """The closed interval, with bounds as they were given (not broadcast)."""
        return tc.interval(*self._unbroadcast)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``; the support keeps its bounds."""
        if _instance is None and batch_shape == self._batch_shape:
            return self
        kind = type(self)
        if _instance is None and kind.__init__ is not Uniform.__init__:
            return ExpandedDistribution(self, batch_shape)
        new = kind.__new__(kind) if _instance is None else _instance
        new._unbroadcast = self._unbroadcast
        new = super().expand(torch.Size(batch_shape), new)  # type: ignore[no-untyped-call]
        new.has_rsample = self.has_rsample
        return new
