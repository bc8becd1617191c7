"""Neural autoregressive flows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pyro.distributions import constraints
from pyro.distributions.transforms.flows.conditional_autoregressive import (
    ConditionalAutoregressive,
)
from pyro.distributions.transforms.flows.sequential import solve_in_order
from pyro.distributions.transforms.transform_module import FusedTransformModule
from pyro.nets.autoregressive import AutoRegressiveNN, ConditionalAutoRegressiveNN
from pyro.ops.roots import solve_increasing

Mixed = tuple[Tensor, Tensor, Tensor]


class NeuralAutoregressive(FusedTransformModule):
    r""":math:`y_i = T^{-1}\left(\sum_j w_{ij}\, T(a_{ij} x_i + b_{ij})\right)`.

    The parameters are functions of :math:`x_{<i}`, :math:`a` positive and :math:`w` on the simplex;
    :math:`T` is an increasing function (Huang et al. 2018, *Neural autoregressive flows*, section
    3.1, deep sigmoidal flow). :math:`\log|\det J| = \sum_i \log \partial y_i / \partial x_i`. The
    inverse takes one pass of the network and a bisection for each dimension.

    :param autoregressive_nn: Returns :math:`a`, :math:`w` and :math:`b` before they are normalised,
        each of shape ``(..., hidden_units, input_dim)``.
    :param hidden_units: How many terms.
    :param activation: :math:`T`: ``"sigmoid"``, ``"tanh"`` or ``"ELU"``.
    :raises ValueError: if ``activation`` is anything else.

    Example::

        >>> flow = dist.transforms.neural_autoregressive(3)
        >>> x = torch.ones(5, 3)
        >>> torch.allclose(flow.inv(flow(x) + 0), x, atol=1e-3)
        True
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    autoregressive = True

    def __init__(
        self, autoregressive_nn: Any, hidden_units: int = 16, activation: str = "sigmoid"
    ) -> None:
        if activation not in _MIXTURES:
            raise ValueError(f"activation must be one of {sorted(_MIXTURES)}, got {activation!r}")
        super().__init__()
        self.arn = autoregressive_nn
        self.hidden_units = hidden_units
        self.activation = activation

    def _parameters_at(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Slopes, log-weights and shifts, of shape ``(..., input_dim, hidden_units)``."""
        a, w, b = self.arn(x)
        return F.softplus(a).mT, F.log_softmax(w, -2).mT, b.mT

    def _mixed(self, x: Tensor, a: Tensor, log_w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """The value, and the log-derivative."""
        y, log_inner, log_outer = _MIXTURES[self.activation](a * x[..., None] + b, log_w)
        return y, torch.logsumexp(log_w + a.log() + log_inner, -1) - log_outer

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, log_slopes = self._mixed(x, *self._parameters_at(x))
        return y, log_slopes.sum(-1)

    def _backward(self, y: Tensor) -> tuple[Tensor, None]:
        def solve(i: int, x: Tensor, y_i: Tensor) -> Tensor:
            a, log_w, b = (p[..., i, :] for p in self._parameters_at(x))
            return solve_increasing(lambda t: self._mixed(t, a, log_w, b)[0], y_i)

        return solve_in_order(y, self.arn.permutation.tolist(), solve), None


class ConditionalNeuralAutoregressive(ConditionalAutoregressive[NeuralAutoregressive]):
    """A :class:`NeuralAutoregressive` flow whose network is given a context.

    :param autoregressive_nn: Called with the input and, as keyword, the context.
    :param kwargs: Further arguments of :class:`NeuralAutoregressive`.

    Example::

        >>> flow = dist.transforms.conditional_neural_autoregressive(3, context_dim=2)
        >>> flow.condition(torch.zeros(5, 2))(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    flow = NeuralAutoregressive


def _sigmoid_mixture(c: Tensor, log_w: Tensor) -> Mixed:
    """The logit of the mean, the log-derivatives of the sigmoids, and that at the result."""
    log_p, log_q = F.logsigmoid(c), F.logsigmoid(-c)
    mean, rest = torch.logsumexp(log_w + log_p, -1), torch.logsumexp(log_w + log_q, -1)
    return mean - rest, log_p + log_q, mean + rest


def _tanh_mixture(c: Tensor, log_w: Tensor) -> Mixed:
    """As tanh(c) is 2 sigmoid(2c) - 1."""
    y, inner, outer = _sigmoid_mixture(2 * c, log_w)
    return y / 2, inner + math.log(4), outer + math.log(4)


def _elu_mixture(c: Tensor, log_w: Tensor) -> Mixed:
    """By the logarithm of ELU + 1, which is positive."""
    log_terms = torch.where(c > 0, torch.log1p(c.clamp(min=0)), c)
    log_mean = torch.logsumexp(log_w + log_terms, -1)
    y = torch.where(log_mean > 0, torch.expm1(log_mean.clamp(min=0)), log_mean)
    return y, c.clamp(max=0), y.clamp(max=0)


_MIXTURES: dict[str, Callable[[Tensor, Tensor], Mixed]] = {
    "sigmoid": _sigmoid_mixture,
    "tanh": _tanh_mixture,
    "ELU": _elu_mixture,
}


def neural_autoregressive(
    input_dim: int,
    hidden_dims: Sequence[int] | None = None,
    activation: str = "sigmoid",
    width: int = 16,
) -> NeuralAutoregressive:
    """A :class:`NeuralAutoregressive` flow of ``width`` terms with an :class:`AutoRegressiveNN`.

    :param hidden_dims: Units of the hidden layers; default ``[3 * input_dim + 1]``.
    """
    hidden = [3 * input_dim + 1] if hidden_dims is None else hidden_dims
    network = AutoRegressiveNN(input_dim, hidden, [width] * 3)
    return NeuralAutoregressive(network, width, activation)


def conditional_neural_autoregressive(
    input_dim: int,
    context_dim: int,
    hidden_dims: Sequence[int] | None = None,
    activation: str = "sigmoid",
    width: int = 16,
) -> ConditionalNeuralAutoregressive:
    """A :class:`ConditionalNeuralAutoregressive` flow with a :class:`ConditionalAutoRegressiveNN`.

    :param hidden_dims: Units of the hidden layers; default ``[3 * input_dim + 1]``.
    """
    hidden = [3 * input_dim + 1] if hidden_dims is None else hidden_dims
    network = ConditionalAutoRegressiveNN(input_dim, context_dim, hidden, [width] * 3)
    return ConditionalNeuralAutoregressive(network, hidden_units=width, activation=activation)
