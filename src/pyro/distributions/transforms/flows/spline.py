"""Elementwise rational splines."""

from __future__ import annotations

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
from pyro.ops.monotone_spline import monotone_rational_spline


class Spline(FusedTransformModule):
    r"""An increasing spline for each entry, the identity outside of :math:`[-B, B]`.

    Entries do not interact: the log-determinant has the shape of ``x``. With ``order="linear"``
    linear rational pieces (Dolatabadi et al. 2020, *Invertible generative modeling using linear
    rational splines*), with ``"quadratic"`` rational quadratic ones (Durkan et al. 2019, *Neural
    spline flows*). Both ways are in closed form.

    :param input_dim: The number of entries.
    :param count_bins: The number of pieces.
    :param bound: :math:`B`.
    :param order: ``"linear"`` or ``"quadratic"``.
    :raises ValueError: if ``order`` is anything else.

    Example::

        >>> flow = dist.transforms.spline(2, count_bins=16)
        >>> x = torch.tensor([[0.5, 7.0]])
        >>> torch.allclose(flow.inv(flow(x) + 0), x, atol=1e-4)
        True
    """

    domain = constraints.real
    codomain = constraints.real
    sign = 1

    def __init__(
        self, input_dim: int, count_bins: int = 8, bound: float = 3.0, order: str = "linear"
    ) -> None:
        check_order(order)
        super().__init__()
        self.input_dim = input_dim
        self.count_bins = count_bins
        self.bound = bound
        self.order = order
        self.unnormalized_widths = nn.Parameter(torch.randn(input_dim, count_bins))
        self.unnormalized_heights = nn.Parameter(torch.randn(input_dim, count_bins))
        self.unnormalized_derivatives = nn.Parameter(torch.randn(input_dim, count_bins - 1))
        if order == "linear":
            self.unnormalized_lambdas = nn.Parameter(torch.rand(input_dim, count_bins))

    def _shape(self) -> tuple[Any, ...]:
        return normalised(
            self.unnormalized_widths,
            self.unnormalized_heights,
            self.unnormalized_derivatives,
            self.unnormalized_lambdas if self.order == "linear" else None,
        )

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return spline_forward(x, self._shape(), self.bound)

    def _backward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return spline_backward(y, self._shape(), self.bound)


class ConditionalSpline(ConditionalTransformModule):
    """A :class:`Spline` whose shape is a function of a context.

    :param nn: Takes the context; returns widths, heights and slopes before they are normalised,
        and for ``order="linear"`` the division of the bins; each of length
        ``input_dim * count_bins``, the slopes of ``input_dim * (count_bins - 1)``.
    :param input_dim: The number of entries.
    :param count_bins: The number of pieces.
    :param bound: Outside of ``[-bound, bound]`` the spline is the identity.
    :param order: ``"linear"`` or ``"quadratic"``.
    :raises ValueError: if ``order`` is anything else.

    Example::

        >>> flow = dist.transforms.conditional_spline(2, context_dim=3)
        >>> flow.condition(torch.zeros(5, 3))(torch.zeros(5, 2)).shape
        torch.Size([5, 2])
    """

    domain = constraints.real
    codomain = constraints.real
    bijective = True

    def __init__(
        self,
        nn: Any,
        input_dim: int,
        count_bins: int,
        bound: float = 3.0,
        order: str = "linear",
    ) -> None:
        check_order(order)
        super().__init__()
        self.nn = nn
        self.input_dim = input_dim
        self.count_bins = count_bins
        self.bound = bound
        self.order = order

    def condition(self, context: Tensor) -> ConditionedTransform:
        """The transform at this context, of shape ``(..., context_dim)``."""
        raw = [
            out.reshape(out.shape[:-1] + (self.input_dim, -1)) for out in as_tuple(self.nn(context))
        ]
        params = normalised(*raw), self.bound
        return ConditionedTransform(spline_forward, spline_backward, params, self.domain)


def check_order(order: str) -> None:
    """Reject anything but the two orders."""
    if order not in ("linear", "quadratic"):
        raise ValueError(f"order must be 'linear' or 'quadratic', got {order!r}")


def as_tuple(out: Any) -> tuple[Any, ...]:
    """The outputs of a network, of which a single one comes without a tuple."""
    return tuple(out) if isinstance(out, (tuple, list)) else (out,)


def output_sizes(count_bins: int, order: str) -> list[int]:
    """How many widths, heights, slopes and divisions a spline needs for each entry."""
    check_order(order)
    sizes = [count_bins, count_bins, count_bins - 1]
    return [*sizes, count_bins] if order == "linear" else sizes


def normalised(
    widths: Tensor, heights: Tensor, derivatives: Tensor, lambdas: Tensor | None = None
) -> tuple[Any, ...]:
    """Shares, positive slopes and divisions from real numbers."""
    return (
        F.softmax(widths, -1),
        F.softmax(heights, -1),
        F.softplus(derivatives),
        None if lambdas is None else torch.sigmoid(lambdas),
    )


def spline_forward(x: Tensor, shape: tuple[Any, ...], bound: float) -> tuple[Tensor, Tensor]:
    """The values and the log-derivatives."""
    return monotone_rational_spline(x, *shape, inverse=False, bound=bound)


def spline_backward(y: Tensor, shape: tuple[Any, ...], bound: float) -> tuple[Tensor, Tensor]:
    """The arguments and the log-derivatives there."""
    x, log_slope = monotone_rational_spline(y, *shape, inverse=True, bound=bound)
    return x, -log_slope


def spline(input_dim: int, **kwargs: Any) -> Spline:
    """A :class:`Spline`."""
    return Spline(input_dim, **kwargs)


def conditional_spline(
    input_dim: int,
    context_dim: int,
    hidden_dims: Sequence[int] | None = None,
    count_bins: int = 8,
    bound: float = 3.0,
    order: str = "linear",
) -> ConditionalSpline:
    """A :class:`ConditionalSpline` with a :class:`DenseNN`.

    :param hidden_dims: Units of the hidden layers; default two of ``10 * input_dim``.
    """
    hidden = [10 * input_dim] * 2 if hidden_dims is None else hidden_dims
    sizes = [input_dim * size for size in output_sizes(count_bins, order)]
    network = DenseNN(context_dim, hidden, sizes)
    return ConditionalSpline(network, input_dim, count_bins, bound, order)
