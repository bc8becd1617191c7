"""The discrete Weibull distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.shapes import Numeric, broadcast_tensors
from pyro.ops.tail_functions import log1mexp

_SCALAR = torch.Size()
_MAX_EXPONENT = 60.0


class DiscreteWeibull(TorchDistribution):
    r""":math:`P(k) = q^{k^\beta} - q^{(k + 1)^\beta}`

    The whole part of a Weibull lifetime: :math:`P(K \ge k) = q^{k^\beta}`.  Nakagawa and Osaki
    (1975), *The Discrete Weibull Distribution*, IEEE Transactions on Reliability 24.

    :param q: The probability :math:`q \in (0, 1)` of outliving the first period.
    :param beta: The shape :math:`\beta > 0`: the hazard falls with age below 1 and rises above it.
        Both broadcast to the batch shape.  The support is :math:`k = 0, 1, \dots`

    Example::

        >>> d = dist.DiscreteWeibull(0.5, 1.0)  # geometric
        >>> d.log_prob(torch.tensor([0.0, 1.0, 2.0])).exp(), d.cdf(1.0), d.icdf(0.75)
        (tensor([0.5000, 0.2500, 0.1250]), tensor(0.7500), tensor(1.))
    """

    arg_constraints = {"q": tc.interval(0.0, 1.0), "beta": tc.positive}
    support = tc.nonnegative_integer

    def __init__(self, q: Numeric, beta: Numeric, validate_args: bool | None = None) -> None:
        self.q, self.beta = broadcast_tensors(q, beta)
        super().__init__(self.q.shape, _SCALAR, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """The whole part of a Weibull draw."""
        with torch.no_grad():
            shape = self.shape(sample_shape)
            lifetime = torch.empty(shape, dtype=self.q.dtype, device=self.q.device).exponential_()
            return (lifetime / -self.q.log()).pow(self.beta.reciprocal()).floor()

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        first = value == 0
        log_q = torch.where(first, 0.5, self.q).log()
        k = torch.where(first, 1, value)
        power = k**self.beta
        # (k + 1)^beta - k^beta, without cancellation where k is large
        step = power * (self.beta * k.reciprocal().log1p()).clamp(max=_MAX_EXPONENT).expm1()
        later = power * log_q + log1mexp(step * log_q)
        return torch.where(first, (-self.q).log1p(), later)

    def cdf(self, value: Numeric) -> Tensor:
        r""":math:`1 - q^{(\lfloor x \rfloor + 1)^\beta}`, zero below 0."""
        value = self._as_value(value)
        periods = (value.floor() + 1).clamp(min=0)
        return -(periods**self.beta * self.q.log()).expm1()  # type: ignore[no-any-return]

    def icdf(self, value: Numeric) -> Tensor:
        """The smallest ``k`` whose distribution function reaches ``value``."""
        value = self._as_value(value)
        lifetime = ((-value).log1p() / self.q.log()).pow(self.beta.reciprocal())
        k = (lifetime.ceil() - 1).clamp(min=0)
        # rounding may have put the quotient on the wrong side of an integer
        k = torch.where((k > 0) & (self.cdf(k - 1) >= value), k - 1, k)
        return torch.where(self.cdf(k) < value, k + 1, k)
