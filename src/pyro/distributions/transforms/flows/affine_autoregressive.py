"""Inverse autoregressive flow."""

from __future__ import annotations

from collections.abc import Sequence
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
from pyro.ops.clamp import clamp_preserve_gradients


class AffineAutoregressive(FusedTransformModule):
    r""":math:`y_i = \mu_i(x_{<i}) + \sigma_i(x_{<i})\, x_i`.

    :math:`\log|\det J| = \sum_i \log \sigma_i`.

    Sampling takes one pass of the network, the inverse one for each dimension
    (Kingma et al. 2016, *Improving variational inference with inverse autoregressive flow*,
    equations 10 and 14).  With ``stable=True``
    :math:`y_i = \sigma_i x_i + (1 - \sigma_i) \mu_i` with :math:`\sigma_i` a sigmoid.

    :param autoregressive_nn: Returns :math:`\mu` and :math:`\log\sigma`, or the logit of
        :math:`\sigma`, each of the shape of :math:`x`; has the order of the variables as
        ``permutation``.
    :param log_scale_min_clip: Smallest :math:`\log\sigma`.
    :param log_scale_max_clip: Largest :math:`\log\sigma`.
    :param sigmoid_bias: Added to the logit if ``stable``.
    :param stable: Which of the two forms.

    Example::

        >>> flow = dist.transforms.affine_autoregressive(3)
        >>> d = dist.TransformedDistribution(dist.Normal(torch.zeros(3), 1.0).to_event(1), flow)
        >>> d.log_prob(d.sample((5,))).shape
        torch.Size([5])
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    autoregressive = True
    sign = 1

    def __init__(
        self,
        autoregressive_nn: Any,
        log_scale_min_clip: float = -5.0,
        log_scale_max_clip: float = 3.0,
        sigmoid_bias: float = 2.0,
        stable: bool = False,
    ) -> None:
        super().__init__()
        self.arn = autoregressive_nn
        self.log_scale_min_clip = log_scale_min_clip
        self.log_scale_max_clip = log_scale_max_clip
        self.sigmoid_bias = sigmoid_bias
        self.stable = stable

    def _shift_and_log_scale(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = self.arn(x)
        if not self.stable:
            return mean, clamp_preserve_gradients(
                log_scale, self.log_scale_min_clip, self.log_scale_max_clip
            )
        logit = log_scale + self.sigmoid_bias
        return torch.sigmoid(-logit) * mean, F.logsigmoid(logit)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = self._shift_and_log_scale(x)
        return shift + log_scale.exp() * x, log_scale.sum(-1)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        def solve(i: int, x: Tensor, y_i: Tensor) -> Tensor:
            shift, log_scale = self._shift_and_log_scale(x)
            log_scales.append(log_scale[..., i])
            return (y_i - shift[..., i]) * (-log_scale[..., i]).exp()

        log_scales: list[Tensor] = []
        x = solve_in_order(y, self.arn.permutation.tolist(), solve)
        return x, torch.stack(log_scales).sum(0)


class ConditionalAffineAutoregressive(ConditionalAutoregressive[AffineAutoregressive]):
    """An :class:`AffineAutoregressive` whose network is given a context.

    :param autoregressive_nn: Called with the input and, as keyword, the context.
    :param kwargs: Further arguments of :class:`AffineAutoregressive`.

    Example::

        >>> flow = dist.transforms.conditional_affine_autoregressive(3, context_dim=2)
        >>> flow.condition(torch.zeros(5, 2))(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    flow = AffineAutoregressive


def affine_autoregressive(
    input_dim: int, hidden_dims: Sequence[int] | None = None, **kwargs: Any
) -> AffineAutoregressive:
    """An :class:`AffineAutoregressive` with an :class:`AutoRegressiveNN`.

    :param hidden_dims: Units of the hidden layers; default ``[3 * input_dim + 1]``.
    :param kwargs: Further arguments of :class:`AffineAutoregressive`.
    """
    hidden = [3 * input_dim + 1] if hidden_dims is None else hidden_dims
    return AffineAutoregressive(AutoRegressiveNN(input_dim, hidden), **kwargs)


def conditional_affine_autoregressive(
    input_dim: int, context_dim: int, hidden_dims: Sequence[int] | None = None, **kwargs: Any
) -> ConditionalAffineAutoregressive:
    """A :class:`ConditionalAffineAutoregressive` with a :class:`ConditionalAutoRegressiveNN`.

    :param hidden_dims: Units of the hidden layers; default ``[10 * input_dim]``.
    :param kwargs: Further arguments of :class:`AffineAutoregressive`.
    """
    hidden = [10 * input_dim] if hidden_dims is None else hidden_dims
    network = ConditionalAutoRegressiveNN(input_dim, context_dim, hidden)
    return ConditionalAffineAutoregressive(network, **kwargs)
