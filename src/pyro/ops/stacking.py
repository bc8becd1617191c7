"""Stacks of tensors among which some come again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

_RUNS = 4


class Rows:
    """Tensors that are rows of stacks: a stack of such need not be made row by row.

    Example::

        >>> from pyro.ops.stacking import Rows
        >>> rows, stack = Rows(), torch.arange(6.0).reshape(3, 2)
        >>> parts = rows.of(stack)
        >>> rows.stacked(parts[1:])
        tensor([[2., 3.],
                [4., 5.]])
    """

    def __init__(self) -> None:
        self._places: dict[int, tuple[Tensor, int, Tensor]] = {}

    def of(self, stack: Tensor) -> tuple[Tensor, ...]:
        """The rows of a stack, which are known from then on."""
        parts = stack.unbind(0)
        self._places.update((id(p), (stack, k, p)) for k, p in enumerate(parts))
        return parts

    def row(self, tensor: Tensor) -> Tensor:
        """The same row, but that its gradient is made without those of all other rows."""
        place = self._places.get(id(tensor))
        return tensor if place is None else place[0].select(0, place[1])

    def stacked(
        self,
        tensors: Sequence[Tensor],
        shape: Sequence[int] | None = None,
        turned: Sequence[bool] | None = None,
    ) -> Tensor | None:
        """Tensors that are rows of a few stacks, taken in turns, as one stack; None for others.

        :param shape: that of each row in the result.
        :param turned: which of the rows are transposed, after that.
        """
        places = [self._places.get(id(t)) for t in tensors]
        count = len(places)
        turns = (k for k in range(1, count) if _follows(places[0], places[k]))
        period = next(turns, count)
        if None in places[:period] or period > min(_RUNS, max(count - 1, 1)):
            return None
        if not all(map(_follows, places, places[period:])):
            return None
        if turned is not None and list(turned[period:]) != list(turned[:-period]):
            return None
        counts = [len(range(k, count, period)) for k in range(period)]
        parts = [
            p[0].narrow(0, p[1], n).reshape(n, *(p[2].shape if shape is None else shape))
            for p, n in zip(places, counts, strict=False)
            if p is not None
        ]
        if turned is not None:
            parts = [p.mT if turn else p for p, turn in zip(parts, turned, strict=False)]
        return parts[0] if period == 1 else interleaved(parts)


def interleaved(parts: Sequence[Tensor]) -> Tensor:
    """The first rows of some stacks, then their second rows, and so on, as one stack.

    :param parts: of as many rows, or of one less from some part on.

    Example::

        >>> from pyro.ops.stacking import interleaved
        >>> interleaved([torch.tensor([0.0, 2.0, 4.0]), torch.tensor([1.0, 3.0])])
        tensor([0., 1., 2., 3., 4.])
    """
    found: Tensor = _Interleaved.apply(*parts)  # type: ignore[no-untyped-call]
    return found


@final
class _Interleaved(torch.autograd.Function):
    """A few strided copies, whose gradients are views."""

    @staticmethod
    def forward(ctx: Any, *parts: Tensor) -> Tensor:
        ctx.period = len(parts)
        whole = parts[0].new_zeros(sum(map(len, parts)), *parts[0].shape[1:])
        for k, part in enumerate(parts):
            whole[k :: len(parts)].copy_(part)
        return whole

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        return tuple(grad[k :: ctx.period] for k in range(ctx.period))


def _follows(a: tuple[Tensor, int, Tensor] | None, b: tuple[Tensor, int, Tensor] | None) -> bool:
    return a is not None and b is not None and a[0] is b[0] and b[1] == a[1] + 1


def stack_rows(tensors: Sequence[Tensor]) -> Tensor:
    """Stack along a new leading dim, as ``torch.stack``; a view if all are one tensor.

    Gradients of a tensor that comes again are summed in one operation, not added up one by one.

    Example::

        >>> from pyro.ops.stacking import stack_rows
        >>> row = torch.tensor([1.0, 2.0])
        >>> stack_rows([row, row, row]).stride()
        (0, 1)
    """
    starts = [k for k, t in enumerate(tensors) if not k or t is not tensors[k - 1]]
    if len(starts) <= _RUNS:
        ends = [*starts[1:], len(tensors)]
        runs = [
            tensors[start].expand(end - start, *tensors[start].shape)
            for start, end in zip(starts, ends, strict=True)
        ]
        return runs[0] if len(runs) == 1 else torch.cat(runs)
    unique = {id(t): t for t in tensors}
    if 2 * len(unique) > len(tensors):
        return torch.stack(list(tensors))
    places = {key: k for k, key in enumerate(unique)}
    index = torch.tensor([places[id(t)] for t in tensors], device=tensors[0].device)
    return torch.stack(list(unique.values())).index_select(0, index)
