"""Autoregressive spline flows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyro.distributions import constraints
from pyro.distributions.transforms.flows.conditional_autoregressive import (
    ConditionalAutoregressive,
)
from pyro.distributions.transforms.flows.sequential import solve_in_order
from pyro.distributions.transforms.flows.spline import (
    as_tuple,
    check_order,
    normalised,
    output_sizes,
    spline_backward,
    spline_forward,
)
from pyro.distributions.transforms.transform_module import FusedTransformModule
from pyro.nets.autoregressive import AutoRegressiveNN, ConditionalAutoRegressiveNN


class SplineAutoregressive(FusedTransformModule):
    r""":math:`y_i = s_{\theta_i(x_{<i})}(x_i)`, with increasing rational splines :math:`s`.

    Sampling takes one pass of the network, the inverse one for each dimension (Durkan et al. 2019,
    *Neural spline flows*; Dolatabadi et al. 2020 for ``order="linear"``).

    :math:`\log|\det J| = \sum_i \log s'_{\theta_i}(x_i)`.

    :param input_dim: The length of :math:`x`.
    :param autoregressive_nn: Returns widths, heights and slopes before they are normalised, and for
        ``order="linear"`` the division of the bins; each of shape ``(..., count_bins, input_dim)``,
        the slopes with one less.
    :param count_bins: The number of pieces.
    :param bound: Outside of ``[-bound, bound]`` the splines are the identity.
    :param order: ``"linear"`` or ``"quadratic"``.

    Example::

        >>> flow = dist.transforms.spline_autoregressive(3)
        >>> flow(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    autoregressive = True

    def __init__(
        self,
        input_dim: int,
        autoregressive_nn: Any,
        count_bins: int = 8,
        bound: float = 3.0,
        order: str = "linear",
    ) -> None:
        check_order(order)
        super().__init__()
        self.input_dim = input_dim
        self.arn = autoregressive_nn
        self.count_bins = count_bins
        self.bound = bound
        self.order = order

    def _shape(self, x: Tensor) -> tuple[Any, ...]:
        raw = [out.mT for out in as_tuple(self.arn(x))]
        return normalised(*raw)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, log_slopes = spline_forward(x, self._shape(x), self.bound)
        return y, log_slopes.sum(-1)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        def solve(i: int, x: Tensor, y_i: Tensor) -> Tensor:
            here = tuple(None if p is None else p[..., i, :] for p in self._shape(x))
            x_i, log_slope = spline_backward(y_i, here, self.bound)
            log_slopes.append(log_slope)
            return x_i

        log_slopes: list[Tensor] = []
        x = solve_in_order(y, self.arn.permutation.tolist(), solve)
        return x, torch.stack(log_slopes).sum(0)


class ConditionalSplineAutoregressive(ConditionalAutoregressive[SplineAutoregressive]):
    """A :class:`SplineAutoregressive` whose network is given a context.

    :param input_dim: The length of the input.
    :param autoregressive_nn: Called with the input and, as keyword, the context.
    :param kwargs: Further arguments of :class:`SplineAutoregressive`.

    Example::

        >>> flow = dist.transforms.conditional_spline_autoregressive(3, context_dim=2)
        >>> flow.condition(torch.zeros(5, 2))(torch.zeros(5, 3)).shape
        torch.Size([5, 3])
    """

    flow = SplineAutoregressive

    def __init__(self, input_dim: int, autoregressive_nn: Any, **kwargs: Any) -> None:
        super().__init__(autoregressive_nn, input_dim=input_dim, **kwargs)
        self.input_dim = input_dim


def spline_autoregressive(
    input_dim: int,
    hidden_dims: Sequence[int] | None = None,
    count_bins: int = 8,
    bound: float = 3.0,
    order: str = "linear",
) -> SplineAutoregressive:
    """A :class:`SplineAutoregressive` with an :class:`AutoRegressiveNN`.

    :param hidden_dims: Units of the hidden layers; default two of ``10 * input_dim``.
    """
    hidden = [10 * input_dim] * 2 if hidden_dims is None else hidden_dims
    network = AutoRegressiveNN(input_dim, hidden, output_sizes(count_bins, order))
    return SplineAutoregressive(input_dim, network, count_bins, bound, order)


def conditional_spline_autoregressive(
    input_dim: int,
    context_dim: int,
    hidden_dims: Sequence[int] | None = None,
    count_bins: int = 8,
    bound: float = 3.0,
    order: str = "linear",
) -> ConditionalSplineAutoregressive:
    """A :class:`ConditionalSplineAutoregressive` with a :class:`ConditionalAutoRegressiveNN`.

    :param hidden_dims: Units of the hidden layers; default two of ``10 * input_dim``.
    """
    hidden = [10 * input_dim] * 2 if hidden_dims is None else hidden_dims
    sizes = output_sizes(count_bins, order)
    network = ConditionalAutoRegressiveNN(input_dim, context_dim, hidden, sizes)
    return ConditionalSplineAutoregressive(
        input_dim, network, count_bins=count_bins, bound=bound, order=order
    )
