"""Univariate families on the integers."""

from __future__ import annotations

import torch
import torch.distributions as td
from torch import Tensor
from torch.nn.functional import softplus

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric

__all__ = [
    "Geometric",
    "NegativeBinomial",
]


@torch_family
class Geometric(td.Geometric, TorchDistribution):
    r""":math:`P(k) = (1-p)^k\, p, \qquad k = 0, 1, \dots`

    The number of failures before the first success.  See Johnson, Kemp and Kotz (2005), *Univariate
    Discrete Distributions*, chapter 5.

    :param probs: The probability :math:`p` of success, in (0, 1], of the batch shape.
    :param logits: :math:`\log(p / (1 - p))`, real, of the batch shape, instead of ``probs``.

    Example::

        >>> d = dist.Geometric(torch.tensor([0.2, 0.5]))
        >>> d.mean, d.log_prob(torch.tensor(2.0))
        (tensor([4., 1.]), tensor([-2.0557, -2.0794]))
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; exact for any ``logits``."""
        logits = self.__dict__.get("logits")
        if logits is None or "probs" in self.__dict__:
            return td.Geometric.log_prob(self, self._as_value(value))  # type: ignore[no-any-return]
        value = self._scored(value)
        log_probs = torch.nn.functional.logsigmoid(logits)
        return (value + 1) * log_probs - value * logits  # type: ignore[no-any-return]


@torch_family
class NegativeBinomial(td.NegativeBinomial, TorchDistribution):
    r""":math:`P(k) = \binom{k+r-1}{k} p^k (1-p)^r, \qquad k = 0, 1, \dots`

    The number of successes before the :math:`r`-th failure: counts that vary more than Poisson
    ones. See Johnson, Kemp and Kotz (2005), *Univariate Discrete Distributions*, chapter 5.

    :param total_count: :math:`r`, nonnegative.
    :param probs: The probability :math:`p` of success, in [0, 1).
    :param logits: :math:`\log(p / (1 - p))`, real, instead of ``probs``.  All broadcast to the
        batch shape.

    Example::

        >>> d = dist.NegativeBinomial(torch.tensor(3.0), torch.tensor([0.25, 0.5]))
        >>> d.mean, d.variance, d.log_prob(2.0)
        (tensor([1.0000, 3.0000]), tensor([1.3333, 6.0000]), tensor([-1.8439, -1.6740]))
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        count, logits = self.total_count, self.logits
        # no failure and no success: nothing depends on the number of failures
        count_seen = torch.where((count == 0) & (value == 0), 1.0, count)
        ways = (count_seen + value).lgamma() - count_seen.lgamma() - (value + 1).lgamma()
        # log(1 - p), from which log p differs by the logits
        failure = -softplus(logits)
        log_prob: Tensor = ways + (count + value) * failure + value * logits
        return log_prob
