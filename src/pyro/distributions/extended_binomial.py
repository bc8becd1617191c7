"""The binomial distribution on all integers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions import constraints
from pyro.distributions.binomial import Binomial
from pyro.ops.shapes import Numeric


class ExtendedBinomial(Binomial):
    r""":math:`P(k) = \binom{n}{k} p^k (1-p)^{n-k}` for :math:`0 \le k \le n`, zero elsewhere

    A :class:`Binomial` that scores any integer, and takes any integer as its number of trials:
    where counts or numbers of trials are latent and proposed without regard to each other, values
    without mass get a log probability of ``-inf`` instead of an error.  See Johnson, Kemp and Kotz
    (2005), *Univariate Discrete Distributions*, chapter 3.

    :param total_count: :math:`n`, an integer; if it is negative, no value has any mass and draws
        are 0.
    :param probs: :math:`p \in [0, 1]`, or
    :param logits: its log odds, real; all broadcast to the batch shape.

    Example::

        >>> dist.ExtendedBinomial(2, 0.5).log_prob(torch.tensor([-1.0, 1.0, 3.0])).exp()
        tensor([0.0000, 0.5000, 0.0000])
    """

    arg_constraints = {
        "total_count": constraints.integer,
        "probs": tc.unit_interval,
        "logits": tc.real,
    }
    support = constraints.integer

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        k = torch.minimum(value.clamp(min=0), self.total_count.clamp(min=0))
        log_prob = self._log_mass(k, self.total_count.clamp(min=0))
        return torch.where((value >= 0) & (value <= self.total_count), log_prob, -torch.inf)
