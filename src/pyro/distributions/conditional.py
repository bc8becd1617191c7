"""Distributions that depend on a context."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_composite import TransformedDistribution
from pyro.distributions.transforms.caching import clear_caches
from pyro.distributions.transforms.conditional import ConditionalTransform


class ConditionalDistribution(ABC):
    """Something that becomes a distribution when the context is given.

    Example::

        >>> class Around(dist.ConditionalDistribution):
        ...     "A normal distribution about the context."
        ...     def condition(self, context):
        ...         return dist.Normal(context, 1.0)
        >>> Around().condition(torch.tensor(2.0)).mean
        tensor(2.)
    """

    @abstractmethod
    def condition(self, context: Tensor) -> Any:
        """The distribution at this context."""


class ConditionalTransformedDistribution(ConditionalDistribution):
    r""":math:`x = T_c(z)`: a distribution pushed through transforms that may depend on a context.

    :param base_dist: The distribution of :math:`z`, or a :class:`ConditionalDistribution`.
    :param transforms: A transform or a list of transforms, conditional or not.

    Example::

        >>> flow = dist.ConditionalTransformedDistribution(
        ...     dist.Normal(torch.zeros(2), 1.0).to_event(1),
        ...     [dist.transforms.conditional_spline(input_dim=2, context_dim=3)],
        ... )
        >>> x = flow.condition(torch.zeros(5, 3)).sample((5,))
        >>> flow.condition(torch.zeros(5, 3)).log_prob(x).shape
        torch.Size([5])
    """

    def __init__(self, base_dist: Any, transforms: Any) -> None:
        self.base_dist = base_dist
        self.transforms: Sequence[Any] = (
            list(transforms) if isinstance(transforms, (list, tuple)) else [transforms]
        )
        for transform in self.transforms:
            if not isinstance(transform, (td.Transform, ConditionalTransform)):
                raise TypeError(
                    "expected transforms and conditional transforms, "
                    f"got a {type(transform).__name__}"
                )

    def condition(self, context: Tensor) -> TransformedDistribution:
        """The distribution at this context."""
        base = self.base_dist
        if isinstance(base, ConditionalDistribution):
            base = base.condition(context)
        parts = [
            t.condition(context) if isinstance(t, ConditionalTransform) else t
            for t in self.transforms
        ]
        return TransformedDistribution(base, parts)

    def clear_cache(self) -> None:
        """Forget what the transforms remember."""
        for transform in self.transforms:
            clear_caches(transform)
