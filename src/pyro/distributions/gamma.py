"""The gamma distribution."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.shapes import Numeric, broadcast_tensors
from pyro.ops.special import log_power

_SCALAR = torch.Size()


@torch_family
class Gamma(td.Gamma, TorchDistribution):
    r""":math:`f(x) = \frac{\beta^\alpha}{\Gamma(\alpha)} x^{\alpha-1} e^{-\beta x}, \qquad x \ge 0`

    Positive quantities; the conjugate prior of rates and precisions.  See Johnson, Kotz and
    Balakrishnan (1994), *Continuous Univariate Distributions*, vol. 1, chapter 17.

    :param concentration: The shape :math:`\alpha`, positive.
    :param rate: :math:`\beta`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.Gamma(2.0, torch.tensor([1.0, 4.0]))
        >>> d.mean, d.log_prob(1.0)
        (tensor([2.0000, 0.5000]), tensor([-1.0000, -1.2274]))
    """

    def __init__(
        self, concentration: Numeric, rate: Numeric, validate_args: bool | None = None
    ) -> None:
        self.concentration, self.rate = broadcast_tensors(concentration, rate)
        ValidatedDistribution.__init__(self, self.rate.shape, _SCALAR, validate_args)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        concentration, rate = self.concentration, self.rate
        return (
            torch.xlogy(concentration, rate)
            + log_power(concentration - 1, value)
            - torch.addcmul(concentration.lgamma(), rate, value)
        )

    def conjugate_update(self, other: Any) -> tuple[Gamma, Tensor]:
        """The product of two gamma densities is a gamma density times a constant."""
        if not isinstance(other, td.Gamma):
            raise NotImplementedError(f"Gamma.conjugate_update of {type(other).__name__}")
        updated = Gamma(self.concentration + other.concentration - 1, self.rate + other.rate)
        parts = [_log_normalizer(d) for d in (self, other, updated)]
        return updated, parts[0] + parts[1] - parts[2]


def _log_normalizer(gamma: Any) -> Tensor:
    constant: Tensor = gamma.concentration * gamma.rate.log() - gamma.concentration.lgamma()
    return constant
