"""Fully connected networks with several outputs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class ConditionalDenseNN(nn.Module):
    """A fully connected network of an input and a context.

    :param input_dim: Length of the input vectors.
    :param context_dim: Length of the context vectors.
    :param hidden_dims: Units of each hidden layer.
    :param param_dims: Length of each output; one is returned as a tensor, several as a tuple.
    :param nonlinearity: Follows each hidden layer; default ``torch.nn.ReLU()``.

    Example::

        >>> from pyro.nets import ConditionalDenseNN
        >>> net = ConditionalDenseNN(3, 2, [8], param_dims=[1, 4])
        >>> [out.shape for out in net(torch.zeros(5, 3), torch.zeros(2))]
        [torch.Size([5, 1]), torch.Size([5, 4])]
    """

    def __init__(
        self,
        input_dim: int,
        context_dim: int,
        hidden_dims: Sequence[int],
        param_dims: Sequence[int] = (1, 1),
        nonlinearity: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.input_dim = input_dim
        self.context_dim = context_dim
        self.hidden_dims = list(hidden_dims)
        self.param_dims = list(param_dims)
        self.layers = dense_layers([input_dim + context_dim, *hidden_dims, sum(param_dims)])
        self.f = nn.ReLU() if nonlinearity is None else nonlinearity

    def forward(self, x: Tensor, context: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Outputs of shape ``(..., param_dim)``; the batch dimensions of the inputs broadcast."""
        return split(hidden(self.layers, self.f, joined(x, context)), self.param_dims)


class DenseNN(nn.Module):
    """A fully connected network.

    :param input_dim: Length of the input vectors.
    :param hidden_dims: Units of each hidden layer.
    :param param_dims: Length of each output; one is returned as a tensor, several as a tuple.
    :param nonlinearity: Follows each hidden layer; default ``torch.nn.ReLU()``.

    Example::

        >>> from pyro.nets import DenseNN
        >>> [out.shape for out in DenseNN(3, [8, 8], param_dims=[1, 4])(torch.zeros(5, 3))]
        [torch.Size([5, 1]), torch.Size([5, 4])]
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dims: Sequence[int],
        param_dims: Sequence[int] = (1, 1),
        nonlinearity: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.input_dim = input_dim
        self.hidden_dims = list(hidden_dims)
        self.param_dims = list(param_dims)
        self.layers = dense_layers([input_dim, *hidden_dims, sum(param_dims)])
        self.f = nn.ReLU() if nonlinearity is None else nonlinearity

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Outputs of shape ``(..., param_dim)``."""
        return split(hidden(self.layers, self.f, x), self.param_dims)


def dense_layers(sizes: Sequence[int]) -> nn.ModuleList:
    """One linear layer between each two neighbours of ``sizes``."""
    return nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))


def hidden(layers: nn.ModuleList, nonlinearity: nn.Module, x: Tensor) -> Tensor:
    """The layers in turn, with the nonlinearity between them."""
    *inner, last = layers
    for layer in inner:
        x = nonlinearity(layer(x))
    return last(x)  # type: ignore[no-any-return]


def joined(x: Tensor, context: Tensor) -> Tensor:
    """Context and input side by side along the last dimension, their batches broadcast."""
    batch = torch.broadcast_shapes(x.shape[:-1], context.shape[:-1])
    parts = [part.expand(batch + part.shape[-1:]) for part in (context, x)]
    return torch.cat(parts, -1)


def split(out: Tensor, param_dims: Sequence[int]) -> Tensor | tuple[Tensor, ...]:
    """The outputs of the given lengths, which stand side by side along the last dimension."""
    return out if len(param_dims) == 1 else out.split(list(param_dims), -1)
