"""Sum-of-squares polynomial flows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.transforms.flows.sequential import solve_in_order
from pyro.distributions.transforms.transform_module import FusedTransformModule
from pyro.nets.autoregressive import AutoRegressiveNN
from pyro.ops.roots import solve_increasing


class Polynomial(FusedTransformModule):
    r""":math:`y_i = c_i + \int_0^{x_i} \sum_{k=1}^K \left(\sum_{r=0}^R a_{ikr} u^r\right)^2 du`.

    The :math:`a_i` are functions of :math:`x_{<i}` (Jaini et al. 2019, *Sum-of-squares polynomial
    flow*, section 4).  :math:`\log|\det J|` is the sum of the logarithms of the integrands at
    :math:`x_i`. The inverse takes one pass of the network and a bisection for each dimension.

    :param autoregressive_nn: Returns the :math:`a`, of shape ``(..., K * (R + 1), input_dim)``.
    :param input_dim: The length of :math:`x`.
    :param count_degree: :math:`R`.
    :param count_sum: :math:`K`.

    Example::

        >>> flow = dist.transforms.polynomial(3)
        >>> flow(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    autoregressive = True

    def __init__(
        self, autoregressive_nn: Any, input_dim: int, count_degree: int, count_sum: int
    ) -> None:
        super().__init__()
        self.arn = autoregressive_nn
        self.input_dim = input_dim
        self.count_degree = count_degree
        self.count_sum = count_sum
        bound = 1 / math.sqrt(input_dim)
        self.c = nn.Parameter(torch.empty(input_dim).uniform_(-bound, bound))

    def _coefficients(self, x: Tensor) -> Tensor:
        """The :math:`a`, of shape ``(..., input_dim, K, R + 1)``."""
        a = self.arn(x).mT
        return a.reshape(a.shape[:-1] + (self.count_sum, self.count_degree + 1))  # type: ignore[no-any-return]

    def _integral(self, x: Tensor, a: Tensor) -> Tensor:
        """The integral from 0 to ``x``, whose shape is that of ``a`` less two dimensions."""
        r = torch.arange(self.count_degree + 1, dtype=x.dtype, device=x.device)
        powers = x[..., None] ** r
        total = r[:, None] + r + 1
        product = (a.mT @ a) / total
        return x * (powers[..., None, :] @ product @ powers[..., None]).squeeze((-2, -1))

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a = self._coefficients(x)
        r = torch.arange(self.count_degree + 1, dtype=x.dtype, device=x.device)
        values = (a @ (x[..., None] ** r)[..., None]).squeeze(-1)
        return self.c + self._integral(x, a), values.square().sum(-1).log().sum(-1)

    def _backward(self, y: Tensor) -> tuple[Tensor, None]:
        def solve(i: int, x: Tensor, y_i: Tensor) -> Tensor:
            a = self._coefficients(x)[..., i, :, :]
            return solve_increasing(lambda t: self._integral(t, a), y_i - self.c[i])

        return solve_in_order(y, self.arn.permutation.tolist(), solve), None


def polynomial(input_dim: int, hidden_dims: Sequence[int] | None = None) -> Polynomial:
    """A :class:`Polynomial` flow of degree 4 and 3 squares, with an :class:`AutoRegressiveNN`.

    :param hidden_dims: Units of the hidden layers; default ``[10 * input_dim]``.
    """
    degree, squares = 4, 3
    hidden = [10 * input_dim] if hidden_dims is None else hidden_dims
    network = AutoRegressiveNN(input_dim, hidden, [(degree + 1) * squares])
    return Polynomial(network, input_dim, degree, squares)
