"""The zero-inflated negative binomial distribution."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_discrete import NegativeBinomial
from pyro.distributions.zero_inflated_distribution import ZeroInflatedDistribution
from pyro.ops.shapes import Numeric


class ZeroInflatedNegativeBinomial(ZeroInflatedDistribution):
    r""":math:`P(k) = g\, 1_{k = 0} + (1 - g) \binom{k + r - 1}{k} p^k (1 - p)^r`

    Overdispersed counts with more zeros than their law has.  Greene (1994), *Accounting for Excess
    Zeros and Sample Selection in Poisson and Negative Binomial Regression Models*.

    :param total_count: :math:`r`, nonnegative.
    :param probs: :math:`p \in [0, 1)`, or
    :param logits: its log odds, real; exactly one of the two.
    :param gate: :math:`g \in [0, 1]`, the probability of an extra zero, or
    :param gate_logits: its log odds, real; exactly one of the two.  All broadcast to the batch
        shape.  The support is :math:`k = 0, 1, \dots`

    Example::

        >>> d = dist.ZeroInflatedNegativeBinomial(3.0, probs=0.5, gate=0.25)
        >>> d.mean, d.log_prob(torch.tensor(0.0)).exp()
        (tensor(2.2500), tensor(0.3438))
    """

    arg_constraints = {
        "total_count": tc.nonnegative,
        "probs": tc.half_open_interval(0.0, 1.0),
        "logits": tc.real,
        "gate": tc.unit_interval,
        "gate_logits": tc.real,
    }
    support = tc.nonnegative_integer

    def __init__(
        self,
        total_count: Numeric,
        *,
        probs: Numeric = None,
        logits: Numeric = None,
        gate: Numeric = None,
        gate_logits: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        base = NegativeBinomial(total_count, probs=probs, logits=logits, validate_args=False)
        super().__init__(base, gate=gate, gate_logits=gate_logits, validate_args=validate_args)

    @property
    def total_count(self) -> Tensor:
        """The number of failures at which counting stops."""
        return self.base_dist.total_count  # type: ignore[no-any-return]

    @property
    def probs(self) -> Tensor:
        """The probability of success of the base."""
        return self.base_dist.probs  # type: ignore[no-any-return]

    @property
    def logits(self) -> Tensor:
        """The log odds of success of the base."""
        return self.base_dist.logits  # type: ignore[no-any-return]
