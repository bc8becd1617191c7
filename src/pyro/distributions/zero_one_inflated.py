"""Proportions that may be exactly zero or one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.combined_support import WithAtoms
from pyro.distributions.feasible import feasible_point
from pyro.distributions.gate import GatedDistribution, gated_shape, log_gates
from pyro.ops.log_with_zero import log_with_zero
from pyro.ops.shapes import Numeric, broadcast_shape

_SCALAR = torch.Size()


class ZeroOneInflated(GatedDistribution):
    r""":math:`P(0) = g (1 - h),\quad P(1) = g h`; in between the density :math:`(1 - g) f(x)`

    ``log_prob`` is relative to Lebesgue measure plus unit masses at 0 and 1.  Ospina and Ferrari
    (2010), *Inflated Beta Distributions*, Statistical Papers 51.

    :param base_dist: A distribution with a density :math:`f` on the unit interval, such as a Beta.
    :param gate: :math:`g \in [0, 1]`, the probability of a draw that is 0 or 1, or
    :param gate_logits: its log odds, real; exactly one of the two.
    :param one: :math:`h \in [0, 1]`, the probability that such a draw is 1.  All broadcast with the
        batch shape of the base.
    :raises ValueError: if the base has events or is discrete, or if not exactly one gate is given.

    Example::

        >>> d = dist.ZeroOneInflated(dist.Beta(2.0, 2.0), gate=0.4, one=0.25)
        >>> d.mean, d.log_prob(torch.tensor([0.0, 0.5, 1.0])).exp()
        (tensor(0.4000), tensor([0.3000, 0.9000, 0.1000]))
    """

    arg_constraints = {**GatedDistribution.arg_constraints, "one": tc.unit_interval}

    def __init__(
        self,
        base_dist: Any,
        *,
        gate: Numeric = None,
        gate_logits: Numeric = None,
        one: Numeric = 0.5,
        validate_args: bool | None = None,
    ) -> None:
        if base_dist.support.is_discrete:
            raise ValueError(f"ZeroOneInflated takes a base with a density, not {base_dist!r}")
        one = base_dist._as_value(one)
        base = base_dist.expand(broadcast_shape(base_dist.batch_shape, one.shape))
        shape = gated_shape(self, base, gate, gate_logits)
        self.one = one.expand(shape)
        super().__init__(shape, _SCALAR, validate_args)

    @tc.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """Zero, one, and what the base can give."""
        return WithAtoms(self.base_dist.support, (0.0, 1.0))

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Zero, one, or a draw of the base."""
        with torch.no_grad():
            x: Tensor = self.base_dist.sample(torch.Size(sample_shape))
            inflated = torch.bernoulli(self.gate.expand(x.shape)).bool()
            return torch.where(inflated, torch.bernoulli(self.one.expand(x.shape)), x)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        log_gate, log_rest = log_gates(self)
        zero, one = value == 0, value == 1
        point = feasible_point(self.base_dist.support, value)
        inner = value if point is None else torch.where(zero | one, point, value)
        log_prob = log_rest + self.base_dist.log_prob(inner)
        log_prob = torch.where(one, log_gate + log_with_zero(self.one), log_prob)
        return torch.where(zero, log_gate + log_with_zero(1 - self.one), log_prob)

    @property
    def mean(self) -> Tensor:
        """:math:`g h + (1 - g) m` where :math:`m` is the mean of the base."""
        return self.gate * self.one + (1 - self.gate) * self.base_dist.mean  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """The second moment less the squared mean."""
        square = self.base_dist.variance + self.base_dist.mean.square()
        return self.gate * self.one + (1 - self.gate) * square - self.mean.square()  # type: ignore[no-any-return]
