"""Element-wise choice between two distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.combined_support import Chosen, log_prob_inside, same_support
from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.errors import ShapeError
from pyro.ops.shapes import Numeric, broadcast_shape

_SCALAR = torch.Size()


class MaskedMixture(TorchDistribution):
    r""":math:`f(x_i) = f_{m_i}(x_i)`, with a known choice :math:`m_i \in \{0, 1\}` per batch entry

    A mixture of two laws whose labels are known.  See McLachlan and Peel (2000), *Finite Mixture
    Models*, chapter 1.

    :param mask: :math:`m`, a bool tensor that broadcasts with the batch shapes of the components.
    :param component0: The distribution where the mask is False.
    :param component1: The distribution where the mask is True; of the same event shape.  The
        support is, entry by entry, that of the chosen component.
    :raises ValueError: if the mask is not a bool tensor or the event shapes differ.

    Example::

        >>> far = torch.tensor([False, True])
        >>> dist.MaskedMixture(far, dist.Normal(0.0, 1.0), dist.Normal(100.0, 1.0)).mean
        tensor([  0., 100.])
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(
        self, mask: Tensor, component0: Any, component1: Any, validate_args: bool | None = None
    ) -> None:
        if not isinstance(mask, Tensor) or mask.dtype is not torch.bool:
            raise ValueError(f"MaskedMixture takes a mask that is a bool tensor, got {mask!r}")
        if component0.event_shape != component1.event_shape:
            raise ShapeError(
                "MaskedMixture takes components of one event shape, got "
                f"{tuple(component0.event_shape)} and {tuple(component1.event_shape)}"
            )
        shape = broadcast_shape(mask.shape, component0.batch_shape, component1.batch_shape)
        self._chosen = mask.expand(shape)
        self.component0, self.component1 = component0.expand(shape), component1.expand(shape)
        super().__init__(shape, component0.event_shape, validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """True if both components are reparameterised."""
        return bool(self.component0.has_rsample and self.component1.has_rsample)

    @tc.dependent_property
    def support(self) -> Any:
        """The common support, or that of the chosen component in each entry."""
        supports = self.component0.support, self.component1.support
        return supports[0] if same_support(*supports) else Chosen(self._chosen, supports)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A draw of the chosen component."""
        with torch.no_grad():
            return self._choose(
                self.component0.sample(torch.Size(sample_shape)),
                self.component1.sample(torch.Size(sample_shape)),
            )

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """A differentiable draw of the chosen component."""
        return self._choose(
            self.component0.rsample(torch.Size(sample_shape)),
            self.component1.rsample(torch.Size(sample_shape)),
        )

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        if same_support(self.component0.support, self.component1.support):
            pair = self.component0.log_prob(value), self.component1.log_prob(value)
        else:
            pair = log_prob_inside(self.component0, value), log_prob_inside(self.component1, value)
        return torch.where(self._chosen, pair[1], pair[0])

    @property
    def mean(self) -> Tensor:
        """That of the chosen component."""
        return self._choose(self.component0.mean, self.component1.mean)

    @property
    def variance(self) -> Tensor:
        """That of the chosen component."""
        return self._choose(self.component0.variance, self.component1.variance)

    def _choose(self, zero: Tensor, one: Tensor) -> Tensor:
        mask = self._chosen.reshape(self._chosen.shape + (1,) * self.event_dim)
        return torch.where(mask, one, zero)
