"""Transforms that depend on a context."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor
from torch.distributions import transforms as tt


class ConditionalTransform(ABC):
    """Something that becomes a transform when the context is given.

    Example::

        >>> class ShiftBy(dist.ConditionalTransform):
        ...     "Adds the context."
        ...     def condition(self, context):
        ...         return dist.transforms.AffineTransform(context, 1.0)
        >>> ShiftBy().condition(torch.tensor(2.0))(torch.tensor(1.0))
        tensor(3.)
    """

    @abstractmethod
    def condition(self, context: Tensor) -> tt.Transform:
        """The transform at this context, whose batch dimensions become those of the transform."""
