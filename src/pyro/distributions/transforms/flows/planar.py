"""Planar flows."""

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
from pyro.ops.roots import solve_increasing
from pyro.ops.shapes import broadcast_shape


class Planar(FusedTransformModule):
    r""":math:`y = x + \hat u \tanh(w^\top x + b)`.

    :math:`\hat u = u + (\log(1 + e^{w^\top u}) - 1 - w^\top u)\, w / \lVert w \rVert^2` makes it
    invertible (Rezende & Mohamed 2015, *Variational inference with normalizing flows*, section 4.1
    and appendix A.1).  :math:`\log|\det J| = \log(1 + \hat u^\top w \tanh'(w^\top x + b))`. The
    inverse is found by bisection along :math:`w`.

    :param input_dim: The length of :math:`x`.

    Example::

        >>> flow = dist.transforms.planar(3)
        >>> x = torch.ones(5, 3)
        >>> torch.allclose(flow.inv(flow(x) + 0), x, atol=1e-4)
        True
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(self, input_dim: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(input_dim)
        self.bias = nn.Parameter(torch.empty(1).uniform_(-bound, bound))
        self.u = nn.Parameter(torch.empty(input_dim).uniform_(-bound, bound))
        self.w = nn.Parameter(torch.empty(input_dim).uniform_(-bound, bound))

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return _forward(x, self.bias, self.u, self.w)

    def _backward(self, y: Tensor) -> tuple[Tensor, None]:
        return _backward(y, self.bias, self.u, self.w)


class ConditionalPlanar(ConditionalTransformModule):
    """A :class:`Planar` flow whose parameters are functions of a context.

    :param nn: Takes the context, returns :math:`b`, :math:`u` and :math:`w`.

    Example::

        >>> flow = dist.transforms.conditional_planar(3, context_dim=2)
        >>> flow.condition(torch.zeros(5, 2))(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, nn: Any) -> None:
        super().__init__()
        self.nn = nn

    def condition(self, context: Tensor) -> ConditionedTransform:
        """The transform at this context, of shape ``(..., context_dim)``."""
        return ConditionedTransform(_forward, _backward, tuple(self.nn(context)), self.domain)


def _invertible(u: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\hat u` and :math:`w^\top \hat u > -1`."""
    wu = (u * w).sum(-1, keepdim=True)
    target = F.softplus(wu) - 1
    norm2 = w.square().sum(-1, keepdim=True).clamp(min=torch.finfo(w.dtype).tiny)
    return u + (target - wu) * w / norm2, target


def _forward(x: Tensor, bias: Tensor, u: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    u_hat, wu = _invertible(u, w)
    height = ((x * w).sum(-1, keepdim=True) + bias).tanh()
    return x + u_hat * height, torch.log1p(wu * (1 - height.square())).squeeze(-1)


def _backward(y: Tensor, bias: Tensor, u: Tensor, w: Tensor) -> tuple[Tensor, None]:
    u_hat, wu = _invertible(u, w)
    target = (y * w).sum(-1, keepdim=True)
    target = target.expand(broadcast_shape(target.shape, wu.shape))
    along = solve_increasing(lambda s: s + wu * (s + bias).tanh(), target)
    return y - u_hat * (along + bias).tanh(), None


def planar(input_dim: int) -> Planar:
    """A :class:`Planar` flow."""
    return Planar(input_dim)


def conditional_planar(
    input_dim: int, context_dim: int, hidden_dims: Sequence[int] | None = None
) -> ConditionalPlanar:
    """A :class:`ConditionalPlanar` flow with a :class:`DenseNN`.

    :param hidden_dims: Units of the hidden layers; default two of ``10 * input_dim``.
    """
    hidden = [10 * input_dim] * 2 if hidden_dims is None else hidden_dims
    return ConditionalPlanar(DenseNN(context_dim, hidden, [1, input_dim, input_dim]))
