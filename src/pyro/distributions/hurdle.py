"""Hurdle distributions: zero, or a draw that is not zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.combined_support import WithAtoms
from pyro.distributions.feasible import feasible_point
from pyro.distributions.gate import GatedDistribution, gated_shape, log_gates
from pyro.distributions.zero_truncated import log_prob_of_zero, sample_nonzero
from pyro.ops.shapes import Numeric
from pyro.ops.tail_functions import log1mexp

_SCALAR = torch.Size()


class Hurdle(GatedDistribution):
    r""":math:`P(0) = g`; elsewhere the mass :math:`(1 - g) f(x) / (1 - f(0))`, or the density
    :math:`(1 - g) f(x)`

    Unlike in a zero-inflated law, all zeros have one cause: :math:`g` is the probability of a zero,
    and a draw that has passed the hurdle is never zero.  Cragg (1971), *Some Statistical Models for
    Limited Dependent Variables*, Econometrica 39; Mullahy (1986), *Specification and Testing of
    Some Modified Count Data Models*, J. Econometrics 33.

    With a base that has a density, the law has an atom at zero: its ``log_prob`` is relative to
    Lebesgue measure plus a unit mass at zero.

    :param base_dist: A univariate distribution with mass function or density :math:`f`.
    :param gate: :math:`g \in [0, 1]`, or
    :param gate_logits: its log odds, real; exactly one of the two.  It broadcasts with the batch
        shape of the base.  The support is that of the base, and 0.
    :raises ValueError: if the base has events, or if not exactly one gate is given.

    Example::

        >>> rain = dist.Hurdle(dist.Gamma(2.0, 0.5), gate=0.75)
        >>> rain.mean, rain.log_prob(torch.tensor([0.0, 4.0])).exp()
        (tensor(1.), tensor([0.7500, 0.0338]))
    """

    def __init__(
        self,
        base_dist: Any,
        *,
        gate: Numeric = None,
        gate_logits: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        shape = gated_shape(self, base_dist, gate, gate_logits)
        self._counts = bool(base_dist.support.is_discrete)
        super().__init__(shape, _SCALAR, validate_args)

    @tc.dependent_property(event_dim=0)
    def support(self) -> Any:
        """Zero, and what the base can give."""
        return WithAtoms(self.base_dist.support, (0.0,))

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Zero, or a draw of the base that is not zero."""
        with torch.no_grad():
            shape = torch.Size(sample_shape)
            base = self.base_dist
            x = sample_nonzero(base, shape) if self._counts else base.sample(shape)
            return x.masked_fill(torch.bernoulli(self.gate.expand(x.shape)).bool(), 0)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        log_gate, log_rest = log_gates(self)
        zero = value == 0
        point = feasible_point(self.base_dist.support, value)
        passed = self.base_dist.log_prob(
            value if point is None else torch.where(zero, point, value)
        )
        if self._counts:
            log_rest = log_rest - self._log_passing()
        return torch.where(zero, log_gate, log_rest + passed)

    def _log_passing(self) -> Tensor:
        """The log probability that a draw of a counting base is not zero."""
        log_passing = log1mexp(log_prob_of_zero(self.base_dist, self._floats()))
        # a base that is always zero passes with any probability: its other masses are zero
        return torch.where(log_passing == -torch.inf, 0.0, log_passing)

    def _floats(self) -> Tensor:
        given: dict[str, Any] = self.__dict__
        return given["gate"] if "gate" in given else given["gate_logits"]  # type: ignore[no-any-return]

    @property
    def mean(self) -> Tensor:
        """The probability of passing times the mean given that."""
        return (1 - self.gate) * self._moments()[0]  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """The second moment less the squared mean."""
        first, second = self._moments()
        return (1 - self.gate) * (second - (1 - self.gate) * first.square())  # type: ignore[no-any-return]

    def _moments(self) -> tuple[Tensor, Tensor]:
        """First and second moment of a draw of the base that is not zero."""
        mean = self.base_dist.mean
        square = self.base_dist.variance + mean.square()
        if not self._counts:
            return mean, square
        passing = self._log_passing().exp()
        return mean / passing, square / passing
