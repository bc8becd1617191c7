"""Statistics of samples one at a time are those of all samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from pyro.ops.streaming import (
    CountMeanStats,
    CountMeanVarianceStats,
    CountStats,
    StackStats,
    StatsOfDict,
    StreamingStats,
)

KINDS = [CountStats, StackStats, CountMeanStats, CountMeanVarianceStats]
EXPECTED: dict[str, Callable[[torch.Tensor], Any]] = {
    "count": len,
    "samples": lambda x: x,
    "mean": lambda x: x.mean(0),
    "variance": lambda x: x.var(0),
}


def samples(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randn(count, 3, dtype=torch.double, generator=generator) + 100


def fed(kind: Callable[[], StreamingStats], x: torch.Tensor) -> StreamingStats:
    stats = kind()
    for row in x:
        stats.update(row)
    return stats


def check(found: dict[Any, Any], x: torch.Tensor) -> None:
    for name, value in found.items():
        torch.testing.assert_close(value, EXPECTED[name](x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [0, 1, 2, 50])
@pytest.mark.parametrize("kind", KINDS)
def test_update(kind: Callable[[], StreamingStats], count: int) -> None:
    check(fed(kind, samples(count)).get(), samples(count))


@pytest.mark.parametrize("sizes", [(0, 0), (0, 3), (3, 0), (1, 1), (4, 30)])
@pytest.mark.parametrize("kind", KINDS)
def test_merge(kind: Callable[[], StreamingStats], sizes: tuple[int, int]) -> None:
    x, y = (samples(size) for size in sizes)
    first, second = fed(kind, x), fed(kind, y)
    check(first.merge(second).get(), torch.cat([x, y]))
    check(first.get(), x)  # unchanged


def test_what_each_kind_has() -> None:
    found = [list(fed(kind, samples(2)).get()) for kind in KINDS]
    assert found == [
        ["count"],
        ["count", "samples"],
        ["count", "mean"],
        ["count", "mean", "variance"],
    ]
    assert list(fed(CountMeanVarianceStats, samples(1)).get()) == ["count", "mean"]


def test_dicts() -> None:
    def new() -> StatsOfDict:
        return StatsOfDict({"x": CountMeanStats}, default=CountStats)

    first, second = new(), new()
    first.update({"x": torch.tensor(1.0), "y": torch.tensor(1.0)})
    second.update({"x": torch.tensor(3.0)})
    assert new().get() == {"x": {"count": 0}}
    merged = first.merge(second).get()
    assert merged == {"x": {"count": 2, "mean": torch.tensor(2.0)}, "y": {"count": 1}}
    assert first.get()["x"]["count"] == 1
