"""Householder flows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.transforms.transform_module import (
    ConditionalTransformModule,
    ConditionedTransform,
    FusedTransformModule,
)
from pyro.nets.dense import DenseNN


class Householder(FusedTransformModule):
    r"""A product of reflections :math:`x - 2 u u^\top x / \lVert u \rVert^2`; preserves volume.

    The inverse reflects in the opposite order (Tomczak & Welling 2016, *Improving variational
    auto-encoders using Householder flow*).

    :param input_dim: The length of :math:`x`.
    :param count_transforms: The number of reflections.
    :raises ValueError: if it is not between 1 and ``input_dim``.

    Example::

        >>> flow = dist.transforms.householder(3, count_transforms=2)
        >>> round(flow(torch.tensor([3.0, 0.0, 4.0])).norm().item(), 4)
        5.0
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(self, input_dim: int, count_transforms: int = 1) -> None:
        _check(input_dim, count_transforms)
        super().__init__()
        bound = 1 / math.sqrt(input_dim)
        self.u_unnormed = nn.Parameter(
            torch.empty(count_transforms, input_dim).uniform_(-bound, bound)
        )

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return _forward(x, self.u_unnormed)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return _backward(y, self.u_unnormed)


class ConditionalHouseholder(ConditionalTransformModule):
    """A :class:`Householder` flow whose reflections are functions of a context.

    :param input_dim: The length of :math:`x`.
    :param nn: Takes the context, returns one normal vector for each reflection, side by side or as
        a tuple.
    :param count_transforms: The number of reflections.
    :raises ValueError: if it is not between 1 and ``input_dim``.

    Example::

        >>> flow = dist.transforms.conditional_householder(3, context_dim=2)
        >>> flow.condition(torch.zeros(5, 2))(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, input_dim: int, nn: Any, count_transforms: int = 1) -> None:
        _check(input_dim, count_transforms)
        super().__init__()
        self.nn = nn
        self.input_dim = input_dim
        self.count_transforms = count_transforms

    def condition(self, context: Tensor) -> ConditionedTransform:
        """The transform at this context, of shape ``(..., context_dim)``."""
        out = self.nn(context)
        normals = torch.cat(out, -1) if isinstance(out, (tuple, list)) else out
        normals = normals.reshape(normals.shape[:-1] + (self.count_transforms, self.input_dim))
        return ConditionedTransform(_forward, _backward, (normals,), self.domain)


def _check(input_dim: int, count_transforms: int) -> None:
    if not 1 <= count_transforms <= input_dim:
        raise ValueError(
            f"count_transforms must be between 1 and input_dim={input_dim}, got {count_transforms}"
        )


def reflected(x: Tensor, normals: Tensor, *, reverse: bool = False) -> Tensor:
    """The reflections at ``normals``, of shape ``(..., count, n)``, one after the other.

    If they are the same for many vectors, their product is one orthogonal matrix.
    """
    n = x.shape[-1]
    if normals.dim() == 2 and x.numel() > 2 * n * n:
        return x @ reflected(torch.eye(n, dtype=x.dtype, device=x.device), normals, reverse=reverse)
    units = F.normalize(normals, dim=-1).unbind(-2)
    for u in reversed(units) if reverse else units:
        x = x - 2 * (x * u).sum(-1, keepdim=True) * u
    return x


def _forward(x: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
    y = reflected(x, normals)
    return y, y.new_zeros(y.shape[:-1])


def _backward(y: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
    x = reflected(y, normals, reverse=True)
    return x, x.new_zeros(x.shape[:-1])


def householder(input_dim: int, count_transforms: int | None = None) -> Householder:
    """A :class:`Householder` flow, by default of ``input_dim // 2 + 1`` reflections."""
    count = input_dim // 2 + 1 if count_transforms is None else count_transforms
    return Householder(input_dim, count)


def conditional_householder(
    input_dim: int,
    context_dim: int,
    hidden_dims: Sequence[int] | None = None,
    count_transforms: int = 1,
) -> ConditionalHouseholder:
    """A :class:`ConditionalHouseholder` flow with a :class:`DenseNN`.

    :param hidden_dims: Units of the hidden layers; default two of ``10 * input_dim``.
    """
    hidden = [10 * input_dim] * 2 if hidden_dims is None else hidden_dims
    network = DenseNN(context_dim, hidden, [input_dim] * count_transforms)
    return ConditionalHouseholder(input_dim, network, count_transforms)
