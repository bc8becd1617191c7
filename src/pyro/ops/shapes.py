"""Shapes: broadcasting, summing event dimensions, turning numbers into tensors."""

from __future__ import annotations

from numbers import Number
from typing import Any, TypeAlias

import torch
from torch import Tensor

from pyro.errors import ShapeError

Numeric: TypeAlias = Any
"""What a parameter or a value may be: a tensor, a Python number, a numpy scalar or array."""


def shape_of(x: Tensor) -> torch.Size:
    """The shape; no ``TorchFunctionMode`` is told, which would take longer than most operations.

    Example::

        >>> from pyro.ops.shapes import shape_of
        >>> shape_of(torch.zeros(2, 3))
        torch.Size([2, 3])
    """
    if not torch._C._is_torch_function_mode_enabled():
        return x.shape
    with torch._C.DisableTorchFunction():
        return x.shape


def broadcast_shape(*shapes: tuple[int, ...], strict: bool = False) -> torch.Size:
    """The shape that tensors of the given shapes broadcast to.

    :param shapes: Any number of shapes; missing leading dimensions count as 1.
    :param strict: When True a dimension of size 1 does not broadcast; only missing ones do.
    :raises ShapeError: (a ``ValueError``) if the shapes do not fit together.

    Example::

        >>> broadcast_shape((3, 1), (4,))
        torch.Size([3, 4])
    """
    reversed_shape: list[int] = []
    for shape in shapes:
        for i, size in enumerate(reversed(shape)):
            if i == len(reversed_shape):
                reversed_shape.append(size)
            elif reversed_shape[i] == 1 and not strict:
                reversed_shape[i] = size
            elif reversed_shape[i] != size and (size != 1 or strict):
                listed = " vs ".join(str(tuple(s)) for s in shapes)
                raise ShapeError(f"shape mismatch: objects cannot be broadcast together: {listed}")
    return torch.Size(reversed_shape[::-1])


def sum_rightmost(value: Tensor, dim: int | float) -> Tensor:
    """Sum out the ``dim`` rightmost dimensions; all when ``inf``; negative leaves ``-dim``.

    :raises ShapeError: if ``value`` has fewer than ``dim`` dimensions.
    """
    if not isinstance(value, Tensor) or dim == 0:
        return value
    if dim == float("inf") or dim == value.dim():
        return value.sum()
    if dim < 0:
        dim += value.dim()
        if dim <= 0:
            return value
    if dim > value.dim():
        raise ShapeError(f"cannot sum {dim} rightmost dimensions of shape {tuple(value.shape)}")
    return value.sum(tuple(range(-int(dim), 0)))


def sum_leftmost(value: Tensor, dim: int) -> Tensor:
    """Sum out the ``dim`` leftmost dimensions; a negative ``dim`` leaves ``-dim`` of them."""
    if not isinstance(value, Tensor) or dim == 0:
        return value
    count = dim if dim >= 0 else max(value.dim() + dim, 0)
    return value.sum(tuple(range(count))) if count else value


def tensor_like(value: Numeric, like: Tensor | None = None) -> Tensor:
    """``value`` as a tensor; what is not one yet gets the dtype and device of ``like``.

    Without ``like``, numbers get the default dtype and arrays of floats keep theirs.
    """
    if isinstance(value, Tensor):
        return value
    if like is not None:
        dtype = like.dtype if like.is_floating_point() else None
        return torch.as_tensor(value, dtype=dtype, device=like.device)
    if isinstance(value, Number):
        return torch.tensor(value, dtype=torch.get_default_dtype())
    return torch.as_tensor(value)


def as_tensors(*values: Numeric) -> list[Tensor]:
    """Everything as tensors; numbers take dtype and device of the first tensor."""
    like = None
    for value in values:
        if isinstance(value, Tensor):
            like = value
            break
    return [v if isinstance(v, Tensor) else tensor_like(v, like) for v in values]


def broadcast_tensors(*values: Numeric) -> tuple[Tensor, ...]:
    """Numbers, arrays and tensors as tensors of one common shape; nothing is copied.

    Numbers take dtype and device of the first tensor.  Dtypes of tensors are left alone.

    :raises ShapeError: if shapes do not broadcast.
    """
    tensors = as_tensors(*values)
    shapes = [t.shape for t in tensors]
    if shapes.count(shapes[0]) == len(shapes):
        return tuple(tensors)
    shape = broadcast_shape(*shapes)
    return tuple(
        t if own == shape else t.expand(shape) for t, own in zip(tensors, shapes, strict=True)
    )


def not_repeated(x: Tensor) -> Tensor:
    """One copy along each dimension that was expanded: what broadcasts to ``x``.

    Example::

        >>> not_repeated(torch.arange(3).expand(2, 3)).shape
        torch.Size([1, 3])
    """
    return x[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in x.stride())]
