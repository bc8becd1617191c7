"""Indexing that broadcasts: the same expression for numbers, batches and enumerated values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from pyro.errors import ShapeError


def vindex(tensor: Tensor, args: Any) -> Tensor:
    r"""Index by tensors whose dims are batch dims; they broadcast, and stand left in the result.

    ``Vindex(x)[i, :, j]`` is ``x[i, :, j]`` at each index of the batch: its shape is that of ``i``
    and ``j``, broadcast, followed by the dims at which there is a ``:``. A leading ``...`` stands
    for batch dims of ``x`` itself, which broadcast with those of the indices from the right.

    This is how a parameter or a value of a plate is selected by an enumerated one. If no index is a
    tensor with dims the result is ``x[args]``. See also ``vindex`` in NEP 21, *Simplified and
    explicit advanced indexing for NumPy*.

    :param tensor: What is indexed.
    :param args: An index or a tuple of them: ``:``, integers, tensors of integers, and ``...`` in
        the first place only.
    :raises NotImplementedError: for slices other than ``:``, and for ``...`` elsewhere.
    :raises ShapeError: if there are more indices than dims.

    Example::

        >>> from pyro.ops.indexing import Vindex
        >>> x = torch.arange(24.0).reshape(2, 3, 4)  # a batch of 2, events of shape (3, 4)
        >>> i = torch.tensor([[0], [2], [1], [0], [0]])  # one more dim, as if enumerated
        >>> Vindex(x)[..., i, :].shape
        torch.Size([5, 2, 4])
    """
    if not isinstance(args, tuple):
        return tensor[args]
    if not args:
        return tensor
    batched = args[0] is Ellipsis
    indices = args[1:] if batched else args
    if any(index is Ellipsis for index in indices):
        raise NotImplementedError(f"vindex: '...' must be the first index, but got {args}")
    if not any(isinstance(index, Tensor) and index.dim() for index in indices):
        return tensor[args]
    if len(indices) > tensor.dim():
        raise ShapeError(f"vindex: {len(indices)} indices for a tensor of {tensor.dim()} dims")
    if not batched:
        indices += (slice(None),) * (tensor.dim() - len(indices))
    return tensor[_broadcasting(tensor, indices)]


def _broadcasting(tensor: Tensor, indices: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index for each dim: the dims of slices stand rightmost, those of a batch left of them."""
    slices = sum(isinstance(index, slice) for index in indices)
    batch = tensor.shape[: tensor.dim() - len(indices)]
    sizes = tensor.shape[len(batch) :]
    result: list[Any] = [
        _range(tensor, size, len(batch) - 1 - i + slices) for i, size in enumerate(batch)
    ]
    seen = 0
    for index, size in zip(indices, sizes, strict=True):
        if isinstance(index, slice):
            if index != slice(None):
                raise NotImplementedError(f"vindex: only ':' is supported, but got {index}")
            seen += 1
            result.append(_range(tensor, size, slices - seen))
        elif isinstance(index, Tensor) and index.dim():
            result.append(index.reshape(index.shape + (1,) * slices))
        else:
            result.append(index)
    return tuple(result)


def _range(tensor: Tensor, size: int, right: int) -> Tensor:
    return torch.arange(size, device=tensor.device).reshape((-1,) + (1,) * right)


def index(tensor: Tensor, args: Any) -> Tensor:
    """Index by nested tuples, which are flattened; neighbouring ``...`` count once.

    So ``Index(x)[..., t]`` works for a number ``t``, for ``t = slice(None)``, and for
    ``t = (..., None)``, which is ``x.unsqueeze(-1)``.

    Example::

        >>> from pyro.ops.indexing import Index
        >>> x = torch.zeros(2, 3)
        >>> Index(x)[..., 1].shape, Index(x)[..., (..., None)].shape
        (torch.Size([2]), torch.Size([2, 3, 1]))
    """
    if not isinstance(args, tuple):
        return tensor[args]
    flat: list[Any] = []
    for item in _flatten(args):
        if not (item is Ellipsis and flat and flat[-1] is Ellipsis):
            flat.append(item)
    return tensor[tuple(flat)]


def _flatten(args: tuple[Any, ...]) -> Iterator[Any]:
    for item in args:
        if isinstance(item, tuple):
            yield from _flatten(item)
        else:
            yield item


class Vindex:
    """``Vindex(x)[...]`` is :func:`vindex` in the notation of indexing.

    :param tensor: What is indexed.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def __getitem__(self, args: Any) -> Tensor:
        return vindex(self._tensor, args)


class Index:
    """``Index(x)[...]`` is :func:`index` in the notation of indexing.

    :param tensor: What is indexed.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def __getitem__(self, args: Any) -> Tensor:
        return index(self._tensor, args)
