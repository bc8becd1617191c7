"""Spline coupling layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyro.distributions import constraints
from pyro.distributions.transforms.flows.spline import ConditionalSpline, Spline, output_sizes
from pyro.distributions.transforms.transform_module import FusedTransformModule
from pyro.nets.dense import DenseNN


class SplineCoupling(FusedTransformModule):
    r""":math:`y_1 = s(x_1),\ y_2 = s_{\theta(x_1)}(x_2)`, with rational splines :math:`s`.

    Both ways take one pass of the network (Durkan et al. 2019, *Neural spline flows*, section 3.2;
    Dolatabadi et al. 2020).

    :math:`\log|\det J|` is the sum of the logarithms of the slopes.

    :param input_dim: The length of :math:`x`.
    :param split_dim: The length of :math:`x_1`.
    :param hypernet: Takes :math:`x_1`; see :class:`ConditionalSpline` for what it returns.
    :param count_bins: The number of pieces.
    :param bound: Outside of ``[-bound, bound]`` the splines are the identity.
    :param order: ``"linear"`` or ``"quadratic"``.
    :param identity: Whether :math:`y_1 = x_1` instead.

    Example::

        >>> flow = dist.transforms.spline_coupling(4)
        >>> flow(torch.zeros(5, 4)).shape
        torch.Size([5, 4])
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector

    def __init__(
        self,
        input_dim: int,
        split_dim: int,
        hypernet: Any,
        count_bins: int = 8,
        bound: float = 3.0,
        order: str = "linear",
        identity: bool = False,
    ) -> None:
        super().__init__()
        self.input_dim = input_dim
        self.split_dim = split_dim
        self.identity = identity
        self.lower_spline = None if identity else Spline(split_dim, count_bins, bound, order)
        self.upper_spline = ConditionalSpline(
            hypernet, input_dim - split_dim, count_bins, bound, order
        )

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x1, x2 = x[..., : self.split_dim], x[..., self.split_dim :]
        y1, log_det = x1, x.new_zeros(())
        if self.lower_spline is not None:
            y1, log_slopes = self.lower_spline._forward(x1)
            log_det = log_slopes.sum(-1)
        y2, log_slopes = self.upper_spline.condition(x1)._forward(x2)
        return torch.cat([y1, y2], -1), log_det + log_slopes.sum(-1)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        y1, y2 = y[..., : self.split_dim], y[..., self.split_dim :]
        x1, log_det = y1, y.new_zeros(())
        if self.lower_spline is not None:
            x1, log_slopes = self.lower_spline._backward(y1)
            log_det = log_slopes.sum(-1)
        x2, upper = self.upper_spline.condition(x1)._backward(y2)
        assert upper is not None
        return torch.cat([x1, x2], -1), log_det + upper.sum(-1)


def spline_coupling(
    input_dim: int,
    split_dim: int | None = None,
    hidden_dims: Sequence[int] | None = None,
    count_bins: int = 8,
    bound: float = 3.0,
    order: str = "linear",
    identity: bool = False,
) -> SplineCoupling:
    """A :class:`SplineCoupling` with a :class:`DenseNN`.

    :param split_dim: The length of the part that stands alone; default half.
    :param hidden_dims: Units of the hidden layers; default two of ``10 * input_dim``.
    """
    split = input_dim // 2 if split_dim is None else split_dim
    hidden = [10 * input_dim] * 2 if hidden_dims is None else hidden_dims
    sizes = [(input_dim - split) * size for size in output_sizes(count_bins, order)]
    network = DenseNN(split, hidden, sizes)
    return SplineCoupling(input_dim, split, network, count_bins, bound, order, identity)
