"""The beta distribution."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution, holds
from pyro.ops.shapes import Numeric, broadcast_tensors
from pyro.ops.special import log_beta, log_power

_SCALAR = torch.Size()


@torch_family
class Beta(td.Beta, TorchDistribution):
    r""":math:`f(x) = \frac{x^{a-1} (1-x)^{b-1}}{B(a, b)}, \qquad 0 \le x \le 1`

    The conjugate prior of a probability.  See Johnson, Kotz and Balakrishnan (1995), *Continuous
    Univariate Distributions*, vol. 2, chapter 25.

    :param concentration1: :math:`a`, positive.
    :param concentration0: :math:`b`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.Beta(2.0, torch.tensor([2.0, 6.0]))
        >>> d.mean, d.log_prob(0.5)
        (tensor([0.5000, 0.2500]), tensor([ 0.4055, -0.4212]))
    """

    def __init__(
        self,
        concentration1: Numeric,
        concentration0: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        both = torch.stack(broadcast_tensors(concentration1, concentration0), -1)
        self._dirichlet = td.Dirichlet(both, validate_args=False)
        ValidatedDistribution.__init__(self, both.shape[:-1], _SCALAR, validate_args)

    def _validate_parameters(self) -> None:
        if not holds(tc.positive, self._dirichlet.concentration):
            ValidatedDistribution._validate_parameters(self)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        one, zero = self._dirichlet.concentration.unbind(-1)
        powers = log_power(one - 1, value) + log_power(zero - 1, 1 - value)
        return powers - log_beta(one, zero)

    def conjugate_update(self, other: Any) -> tuple[Beta, Tensor]:
        """The product of two beta densities is a beta density times a constant."""
        if not isinstance(other, td.Beta):
            raise NotImplementedError(f"Beta.conjugate_update of {type(other).__name__}")
        one, zero = (
            self.concentration1 + other.concentration1 - 1,
            self.concentration0 + other.concentration0 - 1,
        )
        log_normalizer = (
            log_beta(one, zero)
            - log_beta(self.concentration1, self.concentration0)
            - log_beta(other.concentration1, other.concentration0)
        )
        return Beta(one, zero), log_normalizer
