"""The probability of an atom, given as a probability or as log odds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc
from torch.distributions.utils import lazy_property

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.extent import extent
from pyro.ops.log_with_zero import log_with_zero
from pyro.ops.shapes import Numeric, broadcast_shape

_log_sigmoid = torch.nn.functional.logsigmoid


def gated_shape(distribution: Any, base: Any, gate: Numeric, gate_logits: Numeric) -> torch.Size:
    """Store the one gate that is given, and the base, in the batch shape of both.

    :return: that shape.
    :raises ValueError: if both gates or none are given, or the base has events.
    """
    family = type(distribution).__name__
    if base.event_shape:
        raise ValueError(
            f"{family} takes a univariate base, not one of event_shape {tuple(base.event_shape)}; "
            "apply .to_event() to the result instead"
        )
    if (gate is None) == (gate_logits is None):
        raise ValueError(f"{family} takes either `gate` or `gate_logits`, and not both")
    name = "gate_logits" if gate is None else "gate"
    value = base._as_value(gate_logits if gate is None else gate)
    shape = broadcast_shape(value.shape, base.batch_shape)
    distribution.base_dist = base.expand(shape)
    distribution.__dict__[name] = value.expand(shape)
    return shape


def log_gates(distribution: Any) -> tuple[Tensor, Tensor]:
    """The logarithms of the probability of the atom, and of the rest."""
    given: dict[str, Any] = distribution.__dict__
    if "gate_logits" in given:
        logits = given["gate_logits"]
        return _log_sigmoid(logits), _log_sigmoid(-logits)
    gate = given["gate"]
    if extent(gate)[1] < 1:
        return log_with_zero(gate), (-gate).log1p()
    below = gate < 1
    rest = torch.where(below, (-torch.where(below, gate, 0)).log1p(), -torch.inf)
    return log_with_zero(gate), rest


def _probs(distribution: Any) -> Tensor:
    """The probability of the atom."""
    return distribution.gate_logits.sigmoid()  # type: ignore[no-any-return]


def _logits(distribution: Any) -> Tensor:
    """The log odds of the atom; infinite where its probability is 0 or 1."""
    log_gate, log_rest = log_gates(distribution)
    return log_gate - log_rest


class GatedDistribution(TorchDistribution):
    """A law over a univariate base and a gate; a subclass sets both by ``gated_shape``.

    Example::

        >>> d = dist.Hurdle(dist.Gamma(2.0, 0.5), gate=0.75).expand((3,))
        >>> type(d).__mro__[1].__name__, d.gate.shape, d.base_dist.batch_shape
        ('GatedDistribution', torch.Size([3]), torch.Size([3]))
    """

    arg_constraints = {"gate": tc.unit_interval, "gate_logits": tc.real}
    base_dist: Any
    gate: Any = lazy_property(_probs)
    gate_logits: Any = lazy_property(_logits)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)
