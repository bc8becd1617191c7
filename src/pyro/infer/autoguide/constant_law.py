"""A law on which nothing that is learned has an influence."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Size, Tensor

from pyro.distributions.mixin import TorchDistribution


@final
class ConstantLaw(TorchDistribution):
    """A law whose draws are constants, so that what is computed from them has a pathwise gradient.

    :param law: A distribution that depends on no parameter: :func:`is_constant`.
    """

    arg_constraints = {}
    has_rsample = True

    def __init__(self, law: Any) -> None:
        self._law = law
        super().__init__(law.batch_shape, law.event_shape, validate_args=False)

    @property
    def support(self) -> Any:
        """The support of the law."""
        return self._law.support

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        """A draw."""
        with torch.no_grad():
            value: Tensor = self._law.sample(sample_shape)
        return value

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density of the law."""
        density: Tensor = self._law.log_prob(value)
        return density

    def expand(self, batch_shape: Any, _instance: Any = None) -> ConstantLaw:
        """The law with another batch shape."""
        return ConstantLaw(self._law.expand(batch_shape))


def is_constant(law: Any) -> bool:
    """Whether the density of a law is the same whatever is learned."""
    with torch.no_grad():
        value = law.sample()
    with torch.enable_grad():
        return not law.log_prob(value).requires_grad
