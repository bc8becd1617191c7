"""Densities that need not integrate to one, with draws from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.shapes import Numeric, broadcast_shape


class Measure(TorchDistribution):
    r""":math:`d\mu(x) = e^{g(x)}\, dx`, and draws from a proposal

    The law of an auxiliary variable of a reparameterisation whose density is counted elsewhere, and
    which can be drawn all the same: flat (:math:`g = 0`) unless ``log_density`` is given. See
    Robert and Casella (2004), *Monte Carlo Statistical Methods*, section 1.5 (improper priors).

    :param proposal: The distribution of draws, which sets the batch and event shapes.
    :param support: Where the measure lives, of the event dim of ``proposal``; its own by default.
    :param log_density: :math:`g`, from values to a tensor of their batch shape.

    Example::

        >>> from pyro.infer.reparam.measure import Measure
        >>> flat = Measure(dist.Normal(0.0, torch.ones(3)))
        >>> flat.log_prob(flat.sample())
        tensor([0., 0., 0.])
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(
        self,
        proposal: Any,
        support: Any = None,
        log_density: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.base_dist = proposal
        self._support = proposal.support if support is None else support
        self._log_density = log_density
        super().__init__(proposal.batch_shape, proposal.event_shape, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """That of the proposal."""
        return bool(self.base_dist.has_rsample)

    @tc.dependent_property
    def support(self) -> Any:
        """Where the measure lives."""
        return self._support

    @property
    def mean(self) -> Tensor:
        """That of the proposal."""
        return self.base_dist.mean  # type: ignore[no-any-return]

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return Measure(self.base_dist.expand(batch_shape), self._support, self._log_density)

    def sample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """A draw from the proposal."""
        return self.base_dist.sample(torch.Size(sample_shape))  # type: ignore[no-any-return]

    def rsample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """A differentiable draw from the proposal."""
        return self.base_dist.rsample(torch.Size(sample_shape))  # type: ignore[no-any-return]

    def log_prob(self, value: Numeric) -> Tensor:
        """:math:`g`, of shape ``sample_shape + batch_shape``."""
        value = self._as_value(value)
        shape = broadcast_shape(value.shape[: value.dim() - self.event_dim], self._batch_shape)
        if self._log_density is None:
            zero: Tensor = value.new_zeros(())
            return zero.expand(shape)
        return self._log_density(value).expand(shape)
