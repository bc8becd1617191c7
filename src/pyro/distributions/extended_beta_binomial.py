"""The beta-binomial distribution on all integers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions import constraints
from pyro.distributions.beta_binomial import BetaBinomial
from pyro.ops.shapes import Numeric


class ExtendedBetaBinomial(BetaBinomial):
    r""":math:`P(k) = \binom{n}{k} \frac{B(a + k,\, b + n - k)}{B(a, b)}` for :math:`0 \le k \le n`,
    zero elsewhere

    A :class:`BetaBinomial` that scores any integer, and takes any integer as its number of trials,
    as :class:`ExtendedBinomial` does.  See Johnson, Kemp and Kotz (2005), *Univariate Discrete
    Distributions*, section 6.9.2.

    :param concentration1: :math:`a > 0`, weight of success.
    :param concentration0: :math:`b > 0`, weight of failure.
    :param total_count: :math:`n`, an integer; if it is negative, no value has any mass and draws
        are 0.  All broadcast to the batch shape.

    Example::

        >>> dist.ExtendedBetaBinomial(1.0, 1.0, 3).log_prob(torch.tensor([-1.0, 1.0, 4.0])).exp()
        tensor([0.0000, 0.2500, 0.0000])
    """

    arg_constraints = {
        "concentration1": tc.positive,
        "concentration0": tc.positive,
        "total_count": constraints.integer,
    }
    support = constraints.integer

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value, n = self._scored(value), self.total_count.clamp(min=0)
        log_prob = self._log_mass(torch.minimum(value.clamp(min=0), n), n)
        return torch.where((value >= 0) & (value <= self.total_count), log_prob, -torch.inf)
