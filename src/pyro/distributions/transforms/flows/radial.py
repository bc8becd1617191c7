"""Radial flows."""

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


class Radial(FusedTransformModule):
    r""":math:`y = x + \beta (x - x_0) / (\alpha + r)`, with :math:`r = \lVert x - x_0 \rVert`.

    :math:`\alpha = \mathrm{softplus}(\alpha') > 0` and
    :math:`\beta = -\alpha + \mathrm{softplus}(\beta')` make it invertible (Rezende & Mohamed 2015,
    *Variational inference with normalizing flows*, section 4.1, appendix A.2). The inverse solves a
    quadratic equation for :math:`r`.

    With :math:`h = 1 / (\alpha + r)`, :math:`\log|\det J| = (n - 1) \log(1 + \beta h) + \log(1 +
    \beta h - \beta r h^2)`.

    :param input_dim: The length of :math:`x`.

    Example::

        >>> flow = dist.transforms.radial(3)
        >>> x = torch.ones(5, 3)
        >>> torch.allclose(flow.inv(flow(x) + 0), x, atol=1e-4)
        True
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(self, input_dim: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(input_dim)
        self.x0 = nn.Parameter(torch.empty(input_dim).uniform_(-bound, bound))
        self.alpha_prime = nn.Parameter(torch.empty(1).uniform_(-bound, bound))
        self.beta_prime = nn.Parameter(torch.empty(1).uniform_(-bound, bound))

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return _forward(x, self.x0, self.alpha_prime, self.beta_prime)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return _backward(y, self.x0, self.alpha_prime, self.beta_prime)


class ConditionalRadial(ConditionalTransformModule):
    r"""A :class:`Radial` flow whose parameters are functions of a context.

    :param nn: Takes the context, returns :math:`x_0`, :math:`\alpha'` and :math:`\beta'`.

    Example::

        >>> flow = dist.transforms.conditional_radial(3, context_dim=2)
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


def _length(x: Tensor) -> Tensor:
    """The Euclidean norm, with gradient zero at zero."""
    return torch.linalg.vector_norm(x, dim=-1, keepdim=True)  # type: ignore[no-any-return]


def _log_det(r: Tensor, size: int, alpha: Tensor, beta: Tensor) -> Tensor:
    around = torch.log1p(beta / (alpha + r))
    outward = torch.log1p(alpha * beta / (alpha + r).square())
    return ((size - 1) * around + outward).squeeze(-1)


def _forward(
    x: Tensor, x0: Tensor, alpha_prime: Tensor, beta_prime: Tensor
) -> tuple[Tensor, Tensor]:
    alpha = F.softplus(alpha_prime)
    beta = F.softplus(beta_prime) - alpha
    offset = x - x0
    r = _length(offset)
    return x + beta * offset / (alpha + r), _log_det(r, x.shape[-1], alpha, beta)


def _backward(
    y: Tensor, x0: Tensor, alpha_prime: Tensor, beta_prime: Tensor
) -> tuple[Tensor, Tensor]:
    alpha, total = F.softplus(alpha_prime), F.softplus(beta_prime)
    offset = y - x0
    s = _length(offset)
    half = (s - total) / 2  # r solves r^2 + (alpha + beta - s) r = alpha s
    root = (half.square() + alpha * s).sqrt()
    r = torch.where(half > 0, half + root, alpha * s / (root - half))
    x = x0 + offset * (alpha + r) / (total + r)
    return x, _log_det(r, y.shape[-1], alpha, total - alpha)


def radial(input_dim: int) -> Radial:
    """A :class:`Radial` flow."""
    return Radial(input_dim)


def conditional_radial(
    input_dim: int, context_dim: int, hidden_dims: Sequence[int] | None = None
) -> ConditionalRadial:
    """A :class:`ConditionalRadial` flow with a :class:`DenseNN`.

    :param hidden_dims: Units of the hidden layers; default two of ``10 * input_dim``.
    """
    hidden = [10 * input_dim] * 2 if hidden_dims is None else hidden_dims
    return ConditionalRadial(DenseNN(context_dim, hidden, [input_dim, 1, 1]))
