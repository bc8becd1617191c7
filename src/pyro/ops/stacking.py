"""Stacks of tensors among which some come again and again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_RUNS = 4


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
