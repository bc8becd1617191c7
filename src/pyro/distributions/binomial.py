"""The binomial distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributions as td
from torch import Tensor

from pyro import settings
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution
from pyro.ops.log_binomial import approximate_log_binomial
from pyro.ops.shapes import Numeric, broadcast_tensors
from pyro.ops.special import log_binomial

_SCALAR = torch.Size()

LOG_PROB_TOLERANCE = 0.0
SAMPLE_THRESHOLD = math.inf


@settings.register("binomial_approx_log_prob_tol", __name__, "LOG_PROB_TOLERANCE")
@settings.register("binomial_approx_sample_thresh", __name__, "SAMPLE_THRESHOLD")
def _nonnegative(value: Any) -> None:
    if not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError(f"expected a nonnegative number, got {value!r}")


@torch_family
class Binomial(td.Binomial, TorchDistribution):
    r""":math:`P(k) = \binom{n}{k} p^k (1-p)^{n-k}, \qquad k = 0, \dots, n`

    The number of successes in :math:`n` independent trials.  See Johnson, Kemp and Kotz (2005),
    *Univariate Discrete Distributions*, chapter 3.

    Two settings trade accuracy for speed.  With ``binomial_approx_log_prob_tol`` above 0, binomial
    coefficients come from Stirling's series, within that absolute error of ``log_prob``.  Draws
    with ``total_count`` above ``binomial_approx_sample_thresh`` come from a shifted Poisson law
    that agrees in mean and, within 1/4, in variance.

    :param total_count: :math:`n`, nonnegative integers.
    :param probs: The probability :math:`p` of success, in [0, 1].
    :param logits: :math:`\log(p / (1 - p))`, real, instead of ``probs``.  All broadcast to the
        batch shape.
    :raises ValueError: unless exactly one of ``probs`` and ``logits`` is given.

    Example::

        >>> with pyro.settings.context(binomial_approx_log_prob_tol=0.01):
        ...     dist.Binomial(10, 0.5).log_prob(5.0)
        tensor(-1.4021)
        >>> dist.Binomial(10, 0.5).log_prob(5.0)
        tensor(-1.4020)
    """

    def __init__(
        self,
        total_count: Numeric = 1,
        probs: Numeric = None,
        logits: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Binomial takes either `probs` or `logits`, and not both")
        given, total_count = broadcast_tensors(logits if probs is None else probs, total_count)
        if not given.is_floating_point():
            given = given.to(torch.get_default_dtype())
        self._param = given
        self.total_count = total_count.to(given.dtype)
        if probs is None:
            self.logits = given
        else:
            self.probs = given
        ValidatedDistribution.__init__(self, given.shape, _SCALAR, validate_args)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        with torch.no_grad():
            shape = torch.Size(sample_shape) + self._batch_shape
            n, p = self.total_count.clamp(min=0).expand(shape), self.probs.expand(shape)
            if math.isinf(SAMPLE_THRESHOLD):
                return torch.binomial(n, p)
            many = n > SAMPLE_THRESHOLD
            exact = torch.binomial(torch.where(many, 0, n), p)
            return torch.where(many, _approximate_sample(n, p), exact)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        return self._log_mass(self._scored(value), self.total_count)

    def _log_mass(self, k: Tensor, n: Tensor) -> Tensor:
        tol, logits = LOG_PROB_TOLERANCE, self.logits
        count = approximate_log_binomial(n, k, tol) if tol > 0 else log_binomial(n, k)
        # the larger of log p and log(1 - p) is what n multiplies: no digits are lost in the tails
        rest = logits.clamp(min=0) + (-logits.abs()).exp().log1p()
        return count + k * logits - n * rest


def _approximate_sample(n: Tensor, p: Tensor) -> Tensor:
    """A shifted Poisson count, of the rarer of success and failure."""
    q = torch.minimum(p, 1 - p)
    shift = (n * q * q + torch.rand_like(q)).floor()
    rare = torch.minimum(shift + torch.poisson(n * q * (1 - q)), n)
    return torch.where(p <= 0.5, rare, n - rare)
