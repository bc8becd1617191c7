"""Broadcasting indices against loops over the batch."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from pyro.errors import ShapeError
from pyro.ops.indexing import Index, Vindex

ALL = slice(None)
INDICES = {
    "number": 1,
    "scalar": torch.tensor(1),
    "vector": torch.tensor([0, 1, 1]),
    "column": torch.tensor([[1], [0]]),
    "slice": ALL,
}


@pytest.mark.parametrize("kinds", [*itertools.product(INDICES, repeat=3)], ids="-".join)
def test_indices_broadcast(kinds: tuple[str, ...]) -> None:
    x = torch.randn(2, 3, 4)
    args = tuple(INDICES[kind] for kind in kinds)
    tensors = [a for a in args if isinstance(a, torch.Tensor)]
    batch = torch.broadcast_shapes(*(t.shape for t in tensors))
    result = Vindex(x)[args]
    assert result.shape == batch + torch.Size(
        n for n, a in zip(x.shape, args, strict=True) if a == ALL and isinstance(a, slice)
    )
    for at in itertools.product(*map(range, batch)):
        one = tuple(int(a.expand(batch)[at]) if isinstance(a, torch.Tensor) else a for a in args)
        assert torch.equal(result[at], x[one])


@pytest.mark.parametrize("kinds", [*itertools.product(INDICES, repeat=2)], ids="-".join)
def test_leading_dots_are_batch_dims(kinds: tuple[str, ...]) -> None:
    x = torch.randn(2, 1, 3, 4)
    args = tuple(INDICES[kind] for kind in kinds)
    if not any(isinstance(a, torch.Tensor) and a.dim() for a in args):
        assert torch.equal(Vindex(x)[(..., *args)], x[(..., *args)])
        return
    tensors = [a for a in args if isinstance(a, torch.Tensor)]
    batch = torch.broadcast_shapes(x.shape[:2], *(t.shape for t in tensors))
    result = Vindex(x)[(..., *args)]
    wide = x.expand(batch + x.shape[2:])
    for at in itertools.product(*map(range, batch)):
        one = tuple(int(a.expand(batch)[at]) if isinstance(a, torch.Tensor) else a for a in args)
        assert torch.equal(result[at], wide[at][one])


def test_fewer_indices_than_dims_keep_the_rest() -> None:
    x, i = torch.randn(2, 3, 4), torch.tensor([0, 1, 1])
    assert torch.equal(Vindex(x)[i], x[i])
    assert torch.equal(Vindex(x)[(i,)], x[i])
    assert torch.equal(Vindex(x)[...], x)
    assert torch.equal(Vindex(x)[()], x)


@pytest.mark.parametrize(
    ("args", "error", "match"),
    [
        ((torch.tensor([0]), ...), NotImplementedError, "first index"),
        ((torch.tensor([0]), slice(1, None)), NotImplementedError, "only ':'"),
        ((..., torch.tensor([0]), 1, 1, 1), ShapeError, "4 indices for a tensor of 3 dims"),
    ],
)
def test_refused(args: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Vindex(torch.zeros(2, 3, 4))[args]


def test_nested_tuples() -> None:
    x = torch.randn(2, 3)
    assert torch.equal(Index(x)[0, (1,)], x[0, 1])
    assert torch.equal(Index(x)[..., (..., None)], x.unsqueeze(-1))
    assert torch.equal(Index(x)[..., ALL], x)
    assert torch.equal(Index(x)[1], x[1])
