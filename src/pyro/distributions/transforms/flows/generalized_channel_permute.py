"""Invertible mixing of the channels of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.transforms.transform_module import (
    ConditionalTransformModule,
    ConditionedTransform,
    FusedTransformModule,
)
from pyro.nets.dense import DenseNN
from pyro.ops.shapes import broadcast_shape


class GeneralizedChannelPermute(FusedTransformModule):
    r"""Multiplies the channels at each pixel by a matrix :math:`W = P L U`.

    :math:`P` is a fixed permutation, :math:`L` unit lower and :math:`U` upper triangular;
    :math:`\log|\det J| = h w \sum_i \log|U_{ii}|` (Kingma & Dhariwal 2018, *Glow*, section 3.2).
    The inverse solves two triangular systems.
    Events have the shape ``(channels, h, w)``.

    :param channels: The number of channels.
    :param permutation: The indices of the permutation; default a random one.

    Example::

        >>> flow = dist.transforms.generalized_channel_permute(channels=3)
        >>> flow(torch.zeros(5, 3, 8, 8)).shape
        torch.Size([5, 3, 8, 8])
    """

    domain = constraints.independent(constraints.real, 3)
    codomain = constraints.independent(constraints.real, 3)
    permutation: Tensor

    def __init__(self, channels: int = 3, permutation: Tensor | None = None) -> None:
        super().__init__()
        # a random rotation, as the paper starts with
        rotation, _ = torch.linalg.qr(torch.randn(channels, channels))
        order, lower, upper = torch.linalg.lu(rotation)
        if permutation is not None:
            order = _matrix(channels, permutation)
        self.LU = nn.Parameter(lower.tril(-1) + upper)
        self.register_buffer("permutation", order)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return _forward(x, self.LU, self.permutation)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return _backward(y, self.LU, self.permutation)


class ConditionalGeneralizedChannelPermute(ConditionalTransformModule):
    """A :class:`GeneralizedChannelPermute` whose matrix is a function of a context.

    :param nn: Takes the context, returns the ``channels ** 2`` entries of both factors.
    :param channels: The number of channels.
    :param permutation: The indices of the permutation; default a random one.

    Example::

        >>> flow = dist.transforms.conditional_generalized_channel_permute(2, channels=3)
        >>> flow.condition(torch.zeros(5, 2))(torch.zeros(5, 3, 8, 8)).shape
        torch.Size([5, 3, 8, 8])
    """

    domain = constraints.independent(constraints.real, 3)
    codomain = constraints.independent(constraints.real, 3)
    bijective = True
    permutation: Tensor

    def __init__(self, nn: Any, channels: int = 3, permutation: Tensor | None = None) -> None:
        super().__init__()
        self.nn = nn
        self.channels = channels
        order = torch.randperm(channels) if permutation is None else permutation
        self.register_buffer("permutation", _matrix(channels, order))

    def condition(self, context: Tensor) -> ConditionedTransform:
        """The transform at this context, of shape ``(..., context_dim)``."""
        entries = self.nn(context)
        factors = entries.reshape(entries.shape[:-1] + (self.channels, self.channels))
        return ConditionedTransform(_forward, _backward, (factors, self.permutation), self.domain)


def _matrix(channels: int, permutation: Tensor) -> Tensor:
    if sorted(permutation.tolist()) != list(range(channels)):
        raise ValueError(f"not a permutation of {channels} channels: {permutation.tolist()}")
    return torch.eye(channels)[permutation]


def _factors(factors: Tensor) -> tuple[Tensor, Tensor]:
    unit = torch.eye(factors.shape[-1], dtype=factors.dtype, device=factors.device)
    return factors.tril(-1) + unit, factors.triu()


def _log_det(factors: Tensor, x: Tensor) -> Tensor:
    log_diagonal = factors.diagonal(dim1=-2, dim2=-1).abs().log().sum(-1)
    log_det = log_diagonal * (x.shape[-1] * x.shape[-2])
    return log_det.expand(broadcast_shape(log_det.shape, x.shape[:-3]))


def _forward(x: Tensor, factors: Tensor, permutation: Tensor) -> tuple[Tensor, Tensor]:
    lower, upper = _factors(factors)
    mixing = permutation.to(lower.dtype) @ lower @ upper
    return torch.einsum("...ij,...jhw->...ihw", mixing, x), _log_det(factors, x)


def _backward(y: Tensor, factors: Tensor, permutation: Tensor) -> tuple[Tensor, Tensor]:
    lower, upper = _factors(factors)
    columns = permutation.to(lower.dtype).mT @ y.flatten(-2)
    half = torch.linalg.solve_triangular(lower, columns, upper=False, unitriangular=True)
    x: Tensor = torch.linalg.solve_triangular(upper, half, upper=True)
    return x.unflatten(-1, y.shape[-2:]), _log_det(factors, y)


def generalized_channel_permute(**kwargs: Any) -> GeneralizedChannelPermute:
    """A :class:`GeneralizedChannelPermute`."""
    return GeneralizedChannelPermute(**kwargs)


def conditional_generalized_channel_permute(
    context_dim: int, channels: int = 3, hidden_dims: Sequence[int] | None = None
) -> ConditionalGeneralizedChannelPermute:
    """A :class:`ConditionalGeneralizedChannelPermute` with a :class:`DenseNN`.

    :param hidden_dims: Units of the hidden layers; default two of ``10 * channels``.
    """
    hidden = [10 * channels] * 2 if hidden_dims is None else hidden_dims
    network = DenseNN(context_dim, hidden, [channels * channels])
    return ConditionalGeneralizedChannelPermute(network, channels)
