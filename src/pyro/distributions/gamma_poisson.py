"""The gamma-Poisson distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.gamma_ratio import log_gamma_ratio
from pyro.ops.shapes import Numeric, broadcast_tensors

_SCALAR = torch.Size()


class GammaPoisson(TorchDistribution):
    r""":math:`P(k) = \frac{\Gamma(a + k)}{\Gamma(a)\, k!} \frac{b^a}{(1 + b)^{a + k}}`

    A Poisson count whose rate follows a gamma distribution; a negative binomial distribution with
    :math:`a` successes.  Johnson, Kemp and Kotz (2005), *Univariate Discrete Distributions*, 5.3.

    :param concentration: Shape :math:`a > 0` of the rate's gamma distribution.
    :param rate: Inverse scale :math:`b > 0` of the rate's gamma distribution; both broadcast to the
        batch shape.  The support is :math:`k = 0, 1, \dots`

    Example::

        >>> d = dist.GammaPoisson(2.0, 0.5)
        >>> d.mean, d.variance, d.log_prob(torch.tensor(0.0)).exp()
        (tensor(4.), tensor(12.), tensor(0.1111))
    """

    arg_constraints = {"concentration": tc.positive, "rate": tc.positive}
    support = tc.nonnegative_integer

    def __init__(
        self, concentration: Numeric, rate: Numeric, validate_args: bool | None = None
    ) -> None:
        self.concentration, self.rate = broadcast_tensors(concentration, rate)
        super().__init__(self.rate.shape, _SCALAR, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A Poisson count at a drawn rate."""
        with torch.no_grad():
            shape = self.shape(sample_shape)
            gamma = torch._standard_gamma(self.concentration.expand(shape))
            return torch.poisson(gamma / self.rate)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        k, a, b = self._scored(value), self.concentration, self.rate
        # b^a / (1 + b)^(a + k) in a form that keeps its digits when b is small or large
        powers = a * torch.nn.functional.logsigmoid(b.log()) - k * b.log1p()
        return log_gamma_ratio(a, k) - (k + 1).lgamma() + powers

    @property
    def mean(self) -> Tensor:
        """:math:`a / b`."""
        return self.concentration / self.rate

    @property
    def variance(self) -> Tensor:
        r""":math:`a (1 + b) / b^2`."""
        return self.mean * (1 + self.rate.reciprocal())
