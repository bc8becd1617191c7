"""Affine coupling layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pyro.distributions import constraints
from pyro.distributions.transforms.along_dim import AlongDim, negative
from pyro.distributions.transforms.transform_module import (
    ConditionalTransformModule,
    FusedTransformModule,
)
from pyro.nets.dense import ConditionalDenseNN, DenseNN
from pyro.ops.clamp import clamp_preserve_gradients


class AffineCoupling(AlongDim, FusedTransformModule):
    r""":math:`y_1 = x_1,\ y_2 = \mu(x_1) + \sigma(x_1) \odot x_2`.

    :math:`\log|\det J| = \sum \log\sigma`.

    Both ways take one pass of the network (Dinh et al. 2017, *Density estimation using Real NVP*,
    section 3.2).

    :param split_dim: The length of :math:`x_1`.
    :param hypernet: Takes :math:`x_1`, flattened, and returns :math:`\mu` and :math:`\log\sigma`.
    :param dim: The dimension that is split, negative; it and those to its right are the event.
    :param log_scale_min_clip: Smallest :math:`\log\sigma`.
    :param log_scale_max_clip: Largest :math:`\log\sigma`.
    :raises ValueError: if ``dim`` is not negative.

    Example::

        >>> flow = dist.transforms.affine_coupling(4)
        >>> x = torch.arange(4.0)
        >>> flow(x)[:2]
        tensor([0., 1.], grad_fn=<SliceBackward0>)
    """

    def __init__(
        self,
        split_dim: int,
        hypernet: Any,
        *,
        dim: int = -1,
        log_scale_min_clip: float = -5.0,
        log_scale_max_clip: float = 3.0,
    ) -> None:
        super().__init__()
        self.split_dim = split_dim
        self.nn = hypernet
        self.dim = negative(dim)
        self.log_scale_min_clip = log_scale_min_clip
        self.log_scale_max_clip = log_scale_max_clip

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        size = x.shape[self.dim]
        first, second = x.split([self.split_dim, size - self.split_dim], self.dim)
        return first, second

    def _shift_and_log_scale(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = self.nn(first.flatten(self.dim))
        shape = mean.shape[:-1] + second.shape[self.dim :]
        log_scale = clamp_preserve_gradients(
            log_scale.reshape(shape), self.log_scale_min_clip, self.log_scale_max_clip
        )
        return mean.reshape(shape), log_scale

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self._split(x)
        shift, log_scale = self._shift_and_log_scale(first, second)
        y = self._joined(first, shift + log_scale.exp() * second)
        return y, log_scale.flatten(self.dim).sum(-1)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self._split(y)
        shift, log_scale = self._shift_and_log_scale(first, second)
        x = self._joined(first, (second - shift) * (-log_scale).exp())
        return x, log_scale.flatten(self.dim).sum(-1)

    def _joined(self, first: Tensor, second: Tensor) -> Tensor:
        batch = second.shape[: self.dim]
        return torch.cat([first.expand(batch + first.shape[self.dim :]), second], self.dim)


class ConditionalAffineCoupling(ConditionalTransformModule):
    """An :class:`AffineCoupling` whose network is given a context.

    :param split_dim: The length of the part that is left alone.
    :param hypernet: Called with the input and, as keyword, the context.
    :param kwargs: Further arguments of :class:`AffineCoupling`.

    Example::

        >>> flow = dist.transforms.conditional_affine_coupling(4, context_dim=2)
        >>> flow.condition(torch.zeros(5, 2))(torch.zeros(5, 4)).shape
        torch.Size([5, 4])
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, split_dim: int, hypernet: Any, **kwargs: Any) -> None:
        super().__init__()
        self.split_dim = split_dim
        self.nn = hypernet
        self.kwargs = kwargs

    def condition(self, context: Tensor) -> AffineCoupling:
        """The transform at this context, of shape ``(..., context_dim)``."""
        return AffineCoupling(self.split_dim, partial(self.nn, context=context), **self.kwargs)


def affine_coupling(
    input_dim: int | Sequence[int],
    hidden_dims: Sequence[int] | None = None,
    split_dim: int | None = None,
    dim: int = -1,
    **kwargs: Any,
) -> AffineCoupling:
    """An :class:`AffineCoupling` with a :class:`DenseNN`.

    :param input_dim: The length of the split dimension; for ``dim < -1`` the event shape.
    :param hidden_dims: Units of the hidden layers; default ``[10 * size]``, of the whole event.
    :param split_dim: The length of the part that is left alone; default half.
    :param kwargs: Further arguments of :class:`AffineCoupling`.
    """
    split, sizes, default = _sizes(input_dim, split_dim, dim)
    network = DenseNN(sizes[0], default if hidden_dims is None else hidden_dims, [sizes[1]] * 2)
    return AffineCoupling(split, network, dim=dim, **kwargs)


def conditional_affine_coupling(
    input_dim: int | Sequence[int],
    context_dim: int,
    hidden_dims: Sequence[int] | None = None,
    split_dim: int | None = None,
    dim: int = -1,
    **kwargs: Any,
) -> ConditionalAffineCoupling:
    """A :class:`ConditionalAffineCoupling` with a :class:`ConditionalDenseNN`.

    The arguments are those of :func:`affine_coupling`, and the length of the context.
    """
    split, sizes, default = _sizes(input_dim, split_dim, dim)
    hidden = default if hidden_dims is None else hidden_dims
    network = ConditionalDenseNN(sizes[0], context_dim, hidden, [sizes[1]] * 2)
    return ConditionalAffineCoupling(split, network, dim=dim, **kwargs)


def _sizes(
    input_dim: int | Sequence[int], split_dim: int | None, dim: int
) -> tuple[int, tuple[int, int], list[int]]:
    """Where to split, the sizes of the two parts, and the default hidden layers."""
    shape = [input_dim] if isinstance(input_dim, int) else list(input_dim)
    if len(shape) != -dim:
        raise ValueError(f"input_dim must have {-dim} entries for dim={dim}, got {input_dim}")
    split = shape[0] // 2 if split_dim is None else split_dim
    rest = math.prod(shape[1:])
    return split, (split * rest, (shape[0] - split) * rest), [10 * math.prod(shape)]
