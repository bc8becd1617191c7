"""The beta-binomial distribution."""

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
from pyro.ops.special import log_binomial

_SCALAR = torch.Size()


class BetaBinomial(TorchDistribution):
    r""":math:`P(k) = \binom{n}{k} \frac{B(a + k,\, b + n - k)}{B(a, b)}`

    A binomial count whose success probability follows a beta distribution.  Johnson, Kemp and Kotz
    (2005), *Univariate Discrete Distributions*, 6.9.2.

    :param concentration1: :math:`a > 0`, weight of success.
    :param concentration0: :math:`b > 0`, weight of failure.
    :param total_count: :math:`n`, a nonnegative integer; all broadcast to the batch shape.  The
        support is :math:`k \in \{0, \dots, n\}`.

    Example::

        >>> d = dist.BetaBinomial(1.0, 1.0, 4)  # uniform
        >>> d.log_prob(d.enumerate_support()).exp(), d.mean
        (tensor([0.2000, 0.2000, 0.2000, 0.2000, 0.2000]), tensor(2.))
    """

    arg_constraints = {
        "concentration1": tc.positive,
        "concentration0": tc.positive,
        "total_count": tc.nonnegative_integer,
    }
    has_enumerate_support = True

    def __init__(
        self,
        concentration1: Numeric,
        concentration0: Numeric,
        total_count: Numeric = 1,
        validate_args: bool | None = None,
    ) -> None:
        self.concentration1, self.concentration0, self.total_count = broadcast_tensors(
            concentration1, concentration0, total_count
        )
        super().__init__(self.concentration1.shape, _SCALAR, validate_args)

    @tc.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """The integers from 0 to ``total_count``."""
        return tc.integer_interval(0, self.total_count)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A binomial count at a drawn probability."""
        with torch.no_grad():
            both = torch.stack([self.concentration1, self.concentration0], -1)
            both = both.expand(torch.Size(sample_shape) + both.shape)
            probs = torch._sample_dirichlet(both)[..., 0].clamp(0.0, 1.0)
            return torch.binomial(
                self.total_count.clamp(min=0).to(probs.dtype).expand(probs.shape), probs
            )

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        return self._log_mass(self._scored(value), self.total_count)

    def _log_mass(self, k: Tensor, n: Tensor) -> Tensor:
        a, b = self.concentration1, self.concentration0
        chance = log_gamma_ratio(a, k) + log_gamma_ratio(b, n - k) - log_gamma_ratio(a + b, n)
        return log_binomial(n, k) + chance

    @property
    def mean(self) -> Tensor:
        r""":math:`n a / (a + b)`."""
        total = self.concentration1 + self.concentration0
        return self.total_count * self.concentration1 / total

    @property
    def variance(self) -> Tensor:
        r""":math:`n p (1 - p) (a + b + n) / (a + b + 1)` where :math:`p = a / (a + b)`."""
        total = self.concentration1 + self.concentration0
        spread = self.mean * self.concentration0 / total
        return spread * (total + self.total_count) / (total + 1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The integers from 0 to ``total_count``.

        :raises NotImplementedError: if ``total_count`` differs between batch entries.
        """
        total = int(self.total_count.max())
        if self.total_count.min() != total:
            raise NotImplementedError("BetaBinomial.enumerate_support: total_count is not constant")
        values = torch.arange(
            total + 1, dtype=self.concentration1.dtype, device=self.concentration1.device
        ).reshape((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values
