"""The generalized Pareto distribution of excesses over a threshold."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric


@torch_family
class GeneralizedPareto(td.GeneralizedPareto, TorchDistribution):
    r""":math:`f(x) = \frac1\sigma (1 + \xi z)^{-(1/\xi + 1)}, \qquad z = \frac{x-\mu}{\sigma}`

    What is left of a quantity above a high threshold.  Values are at least :math:`\mu`, and at most
    :math:`\mu - \sigma/\xi` where :math:`\xi < 0`; at :math:`\xi = 0` the density is exponential.
    See Pickands (1975), *Statistical Inference Using Extreme Order Statistics*, Annals of
    Statistics 3.

    :param loc: The threshold :math:`\mu`, real.
    :param scale: :math:`\sigma`, positive.
    :param concentration: The tail index :math:`\xi`, real.  All broadcast to the batch shape.

    Example::

        >>> d = dist.GeneralizedPareto(0.0, 1.0, torch.tensor([0.0, 0.25]))
        >>> d.mean, d.log_prob(1.0)
        (tensor([1.0000, 1.3333]), tensor([-1.0000, -1.1157]))
    """

    @tc.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """The half line from ``loc``, or an interval where ``concentration`` is negative."""
        negative = self.concentration < 0
        if not negative.any():
            return tc.greater_than_eq(self.loc)
        end = self.loc - self.scale / self.concentration
        return tc.interval(self.loc, torch.where(negative, end, math.inf))

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; the exponential density at concentration 0."""
        z = (self._scored(value) - self.loc) / self.scale
        shape = self.concentration
        at_zero = shape.abs() < 1e-8
        safe = torch.where(at_zero, torch.ones_like(shape), shape)
        tail = (1 + 1 / safe) * torch.log1p(safe * z)
        return -self.scale.log() - torch.where(at_zero, z, tail)

    def log_survival_function(self, value: Numeric) -> Tensor:
        r""":math:`\log P(X > x)`."""
        z = (self._scored(value) - self.loc) / self.scale
        shape = self.concentration
        at_zero = shape.abs() < 1e-8
        safe = torch.where(at_zero, torch.ones_like(shape), shape)
        return torch.where(at_zero, -z, -torch.log1p(safe * z) / safe)
