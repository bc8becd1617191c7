"""The shape of unconstrained coordinates."""

from __future__ import annotations

from typing import Any

import torch
from torch.distributions import IndependentTransform


def unconstrained_shape(transform: Any, shape: torch.Size) -> torch.Size:
    """The shape of what ``transform`` takes to a value of the given shape.

    Of a transform of single numbers it is the same; to ask an affine one of torch imports sympy,
    which takes longer than to compile a model.

    Example::

        >>> from torch.distributions import SoftmaxTransform
        >>> unconstrained_shape(SoftmaxTransform(), torch.Size([2, 3]))
        torch.Size([2, 3])
    """
    while isinstance(transform, IndependentTransform):
        transform = transform.base_transform
    if not (transform.domain.event_dim or transform.codomain.event_dim):
        return shape
    found: torch.Size = transform.inverse_shape(shape)
    return found
