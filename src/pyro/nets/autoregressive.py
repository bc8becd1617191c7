"""Masked networks whose i-th output depends only on the inputs before the i-th (MADE)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyro.nets.dense import joined
from pyro.nets.masked_linear import MaskedLinear


class ConditionalAutoRegressiveNN(nn.Module):
    """An autoregressive network of an input and a context, which every output may depend on.

    The outputs for ``x[permutation[i]]`` depend on ``x[permutation[:i]]`` and on the context
    (Germain et al. 2015, *MADE*, sections 3 and 4).

    :param input_dim: Length of the input vectors.
    :param context_dim: Length of the context vectors.
    :param hidden_dims: Units of each hidden layer, at least ``input_dim``.
    :param param_dims: How many outputs of each kind per input. One kind is returned as a tensor,
        several as a tuple.
    :param permutation: The order of the inputs; default a random one.
    :param skip_connections: Whether a masked linear map of the inputs is added to the outputs.
    :param nonlinearity: Follows each hidden layer; default ``torch.nn.ReLU()``.
    :raises ValueError: if a hidden layer is too small or ``permutation`` is none.

    Example::

        >>> from pyro.nets import ConditionalAutoRegressiveNN
        >>> net = ConditionalAutoRegressiveNN(3, 2, [8])
        >>> [out.shape for out in net(torch.zeros(5, 3), torch.zeros(2))]
        [torch.Size([5, 3]), torch.Size([5, 3])]
    """

    permutation: Tensor

    def __init__(
        self,
        input_dim: int,
        context_dim: int,
        hidden_dims: Sequence[int],
        param_dims: Sequence[int] = (1, 1),
        permutation: Tensor | None = None,
        skip_connections: bool = False,
        nonlinearity: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if any(units < input_dim for units in hidden_dims):
            raise ValueError(
                f"a hidden layer must have at least {input_dim} units, one for each input; "
                f"got hidden_dims={list(hidden_dims)}"
            )
        order = torch.randperm(input_dim) if permutation is None else permutation.long()
        if sorted(order.tolist()) != list(range(input_dim)):
            raise ValueError(f"not a permutation of {input_dim} inputs: {order.tolist()}")
        self.input_dim = input_dim
        self.context_dim = context_dim
        self.hidden_dims = list(hidden_dims)
        self.param_dims = list(param_dims)
        self.register_buffer("permutation", order)
        masks, skip = made_masks(order, context_dim, hidden_dims, sum(param_dims))
        self.layers = nn.ModuleList(MaskedLinear(m.shape[1], m.shape[0], m) for m in masks)
        self.skip_layer = (
            MaskedLinear(skip.shape[1], skip.shape[0], skip, bias=False)
            if skip_connections
            else None
        )
        self.f = nn.ReLU() if nonlinearity is None else nonlinearity

    def get_permutation(self) -> Tensor:
        """The order of the inputs."""
        return self.permutation

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor | tuple[Tensor, ...]:
        """Outputs of shape ``(..., param_dim, input_dim)``, without ``param_dim`` if all are 1."""
        if context is None:
            context = x.new_zeros(self.context_dim)
        return self._forward(joined(x, context))

    def _forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        h: Tensor = x
        *inner, last = self.layers
        for layer in inner:
            h = self.f(layer(h))
        h = last(h)
        if self.skip_layer is not None:
            h = h + self.skip_layer(x)
        multiplier = sum(self.param_dims)
        if multiplier == 1:
            return h
        h = h.reshape((*h.shape[:-1], multiplier, self.input_dim))
        if len(self.param_dims) == 1:
            return h
        if multiplier == len(self.param_dims):
            return h.unbind(-2)
        parts: tuple[Tensor, ...] = h.split(self.param_dims, -2)
        return parts


class AutoRegressiveNN(ConditionalAutoRegressiveNN):
    """An autoregressive network (Germain et al. 2015, *MADE*).

    The outputs for ``x[permutation[i]]`` depend on ``x[permutation[:i]]``.

    :param input_dim: Length of the input vectors.
    :param hidden_dims: Units of each hidden layer, at least ``input_dim``.
    :param param_dims: How many outputs of each kind per input. One kind is returned as a tensor,
        several as a tuple.
    :param permutation: The order of the inputs; default a random one.
    :param skip_connections: Whether a masked linear map of the inputs is added to the outputs.
    :param nonlinearity: Follows each hidden layer; default ``torch.nn.ReLU()``.
    :raises ValueError: if a hidden layer is too small or ``permutation`` is none.

    Example::

        >>> from pyro.nets import AutoRegressiveNN
        >>> net = AutoRegressiveNN(3, [8], [2], permutation=torch.arange(3))
        >>> x = torch.zeros(3, requires_grad=True)
        >>> out = net(x)  # two outputs for each input
        >>> out.shape, torch.autograd.grad(out[:, 0].sum(), x)[0].tolist()  # of the first: constant
        (torch.Size([2, 3]), [0.0, 0.0, 0.0])
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dims: Sequence[int],
        param_dims: Sequence[int] = (1, 1),
        permutation: Tensor | None = None,
        skip_connections: bool = False,
        nonlinearity: nn.Module | None = None,
    ) -> None:
        super().__init__(
            input_dim, 0, hidden_dims, param_dims, permutation, skip_connections, nonlinearity
        )

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor | tuple[Tensor, ...]:
        """Outputs of shape ``(..., param_dim, input_dim)``, without ``param_dim`` if all are 1."""
        return self._forward(x)


def made_masks(
    permutation: Tensor, context_dim: int, hidden_dims: Sequence[int], outputs: int
) -> tuple[list[Tensor], Tensor]:
    """Masks of the layers, and that of a direct connection from the inputs to the outputs.

    Each unit has a degree and sees units of no higher degree; an output sees units of lower degree
    only. Inputs have degrees 1, 2, ... in their order, the context has degree 0.
    """
    count = len(permutation)
    degree = torch.empty(count, dtype=torch.long, device=permutation.device)
    degree[permutation] = torch.arange(1, count + 1, device=permutation.device)
    inputs = torch.cat([degree.new_zeros(context_dim), degree])
    lowest = 0 if context_dim else min(1, count - 1)
    masks, below = [], inputs
    for units in hidden_dims:
        spread = torch.arange(units, device=degree.device) * (count - lowest) // units
        here = spread + lowest
        masks.append((here[:, None] >= below).float())
        below = here
    last = degree.repeat(outputs)[:, None]
    return [*masks, (last > below).float()], (last > inputs).float()
