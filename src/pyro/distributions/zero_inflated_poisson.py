"""The zero-inflated Poisson distribution."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.poisson import Poisson
from pyro.distributions.zero_inflated_distribution import ZeroInflatedDistribution
from pyro.ops.shapes import Numeric


class ZeroInflatedPoisson(ZeroInflatedDistribution):
    r""":math:`P(k) = g\, 1_{k = 0} + (1 - g) \lambda^k e^{-\lambda} / k!`

    Poisson counts with more zeros than a Poisson law has.  Lambert (1992), *Zero-Inflated Poisson
    Regression*, Technometrics 34.

    :param rate: :math:`\lambda`, nonnegative.
    :param gate: :math:`g \in [0, 1]`, the probability of an extra zero, or
    :param gate_logits: its log odds, real; exactly one of the two.  All broadcast to the batch
        shape.  The support is :math:`k = 0, 1, \dots`

    Example::

        >>> dist.ZeroInflatedPoisson(2.0, gate=0.25).log_prob(torch.tensor(0.0)).exp()
        tensor(0.3515)
    """

    arg_constraints = {"rate": tc.nonnegative, "gate": tc.unit_interval, "gate_logits": tc.real}
    support = tc.nonnegative_integer

    def __init__(
        self,
        rate: Numeric,
        *,
        gate: Numeric = None,
        gate_logits: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        base = Poisson(rate, validate_args=False)
        super().__init__(base, gate=gate, gate_logits=gate_logits, validate_args=validate_args)

    @property
    def rate(self) -> Tensor:
        """The rate of the counts that are not forced to be zero."""
        return self.base_dist.rate  # type: ignore[no-any-return]
