"""Autoregressive flows whose network is given a context."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from torch import Tensor

from pyro.distributions import constraints
from pyro.distributions.transforms.transform_module import (
    ConditionalTransformModule,
    FusedTransformModule,
)

F = TypeVar("F", bound=FusedTransformModule)


class ConditionalAutoregressive(ConditionalTransformModule, Generic[F]):
    """Base: a subclass names its ``flow``, which takes an ``autoregressive_nn``.

    Example::

        >>> flow = dist.transforms.conditional_affine_autoregressive(3, context_dim=2)
        >>> type(flow.condition(torch.zeros(2))).__name__
        'AffineAutoregressive'
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True
    flow: ClassVar[Any]

    def __init__(self, autoregressive_nn: Any, **kwargs: Any) -> None:
        super().__init__()
        self.nn = autoregressive_nn
        self.kwargs = kwargs

    def condition(self, context: Tensor) -> F:
        """The transform at this context, of shape ``(..., context_dim)``."""
        network: Any = partial(self.nn, context=context)
        network.permutation = self.nn.permutation
        return self.flow(autoregressive_nn=network, **self.kwargs)  # type: ignore[no-any-return]
