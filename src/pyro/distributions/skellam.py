"""The Skellam distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions import constraints
from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.bessel import log_scaled_bessel, log_small_bessel
from pyro.ops.shapes import Numeric, broadcast_tensors

_SCALAR = torch.Size()
_LARGE = 225.0


class Skellam(TorchDistribution):
    r""":math:`P(k) = e^{-(\lambda_1 + \lambda_2)} (\lambda_1 / \lambda_2)^{k/2}
    I_{|k|}(2\sqrt{\lambda_1 \lambda_2})`

    The difference of two independent Poisson counts.  Skellam (1946), *The Frequency Distribution
    of the Difference Between Two Poisson Variates*, J. R. Statist. Soc. 109.

    :param rate1: :math:`\lambda_1`, nonnegative, the rate of what is counted up.
    :param rate2: :math:`\lambda_2`, nonnegative, the rate of what is counted down.  Both broadcast
        to the batch shape.  The support are the integers.

    Example::

        >>> d = dist.Skellam(3.0, 1.0)
        >>> d.mean, d.variance, d.log_prob(torch.tensor([-1.0, 2.0])).exp()
        (tensor(2.), tensor(4.), tensor([0.0635, 0.2028]))
    """

    arg_constraints = {"rate1": tc.nonnegative, "rate2": tc.nonnegative}
    support = constraints.integer

    def __init__(self, rate1: Numeric, rate2: Numeric, validate_args: bool | None = None) -> None:
        self.rate1, self.rate2 = broadcast_tensors(rate1, rate2)
        super().__init__(self.rate1.shape, _SCALAR, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """The difference of two Poisson counts."""
        with torch.no_grad():
            shape = self.shape(sample_shape)
            return torch.poisson(self.rate1.expand(shape)) - torch.poisson(self.rate2.expand(shape))

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        order = value.abs()
        up, down = self.rate1, self.rate2
        main = torch.where(value >= 0, up, down)
        product = up * down
        large = product > _LARGE
        few = torch.where(large, 0, product)
        series = order.xlogy(main) + log_small_bessel(order, few) - up - down
        up, down = torch.where(large, up, _LARGE), torch.where(large, down, _LARGE)
        roots = up.sqrt() - down.sqrt()
        tilt = 0.5 * value * (up.log() - down.log())
        uniform = log_scaled_bessel(order, 2 * up.sqrt() * down.sqrt()) + tilt - roots.square()
        return torch.where(large, uniform, series)

    @property
    def mean(self) -> Tensor:
        r""":math:`\lambda_1 - \lambda_2`."""
        return self.rate1 - self.rate2

    @property
    def variance(self) -> Tensor:
        r""":math:`\lambda_1 + \lambda_2`."""
        return self.rate1 + self.rate2
