"""Zero-inflated versions of counting distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.gate import GatedDistribution, gated_shape, log_gates
from pyro.ops.shapes import Numeric

_SCALAR = torch.Size()


class ZeroInflatedDistribution(GatedDistribution):
    r""":math:`P(x) = g\, 1_{x = 0} + (1 - g) f(x)`

    A draw of the base, replaced by zero with probability :math:`g`.  Lambert (1992),
    *Zero-Inflated Poisson Regression*, Technometrics 34.

    :param base_dist: A univariate distribution with mass function :math:`f` on the integers.
    :param gate: :math:`g \in [0, 1]`, or
    :param gate_logits: its log odds, real; exactly one of the two.  It broadcasts with the batch
        shape of the base, whose support is that of the result.
    :raises ValueError: if the base has events or a density, or if not exactly one gate is given.

    Example::

        >>> d = dist.ZeroInflatedDistribution(dist.Poisson(2.0), gate=0.25)
        >>> d.mean, d.log_prob(torch.tensor([0.0, 1.0])).exp()
        (tensor(1.5000), tensor([0.3515, 0.2030]))
    """

    def __init__(
        self,
        base_dist: Any,
        *,
        gate: Numeric = None,
        gate_logits: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        if not base_dist.support.is_discrete:
            raise ValueError(
                f"{type(self).__name__} takes a base on the integers, not {base_dist!r}; "
                "a density with an atom at 0 is a Hurdle"
            )
        shape = gated_shape(self, base_dist, gate, gate_logits)
        super().__init__(shape, _SCALAR, validate_args)

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return bool(self.base_dist.has_enumerate_support)

    @tc.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """That of the base."""
        return self.base_dist.support

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A draw of the base, or zero."""
        with torch.no_grad():
            x: Tensor = self.base_dist.sample(torch.Size(sample_shape))
            return x.masked_fill(torch.bernoulli(self.gate.expand(x.shape)).bool(), 0)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        log_gate, log_rest = log_gates(self)
        log_prob = log_rest + self.base_dist.log_prob(value)
        return torch.where(value == 0, torch.logaddexp(log_gate, log_prob), log_prob)

    @property
    def mean(self) -> Tensor:
        """:math:`(1 - g) m` where :math:`m` is the mean of the base."""
        return (1 - self.gate) * self.base_dist.mean  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """:math:`(1 - g) (v + g m^2)` with mean and variance :math:`m, v` of the base."""
        square = self.base_dist.mean.square()
        return (1 - self.gate) * (self.base_dist.variance + self.gate * square)  # type: ignore[no-any-return]

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """That of the base."""
        return self.base_dist.enumerate_support(expand=expand)  # type: ignore[no-any-return]
