"""Points at which all libraries evaluate a density, whatever the order of their coordinates."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np

COUNT = 8  # points whose values are compared
SPREAD = 0.3


def points(shapes: Mapping[str, Sequence[int]], count: int = COUNT) -> dict[str, np.ndarray]:
    """Unconstrained values by name of site, of shape ``(count,) + shape``; the same everywhere."""
    return {name: _of(name, shape, count) for name, shape in shapes.items()}


def _of(name: str, shape: Sequence[int], count: int) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return SPREAD * rng.normal(size=(count, *shape))


def evidence(
    values: Sequence[float], gradients: Mapping[str, np.ndarray], at: Mapping[str, np.ndarray]
) -> dict[str, list[float]]:
    """What libraries must share: values up to a constant, and slopes along the points.

    :param gradients: by name, of the shape of the points ``at``.
    """
    slopes = [
        sum(float(np.sum(gradients[name][i] * at[name][i])) for name in at)
        for i in range(len(values))
    ]
    lengths = [
        sum(float(np.sum(gradients[name][i] ** 2)) for name in at) for i in range(len(values))
    ]
    return {
        "values": [float(value) - float(values[0]) for value in values[1:]],
        "slopes": slopes,
        "squared lengths": lengths,
    }


def disagreement(
    ours: Mapping[str, Sequence[float]], theirs: Mapping[str, Sequence[float]]
) -> float:
    """The largest relative difference, where 1 is the least scale."""
    worst = 0.0
    for kind, numbers in ours.items():
        scale = max([1.0, *map(abs, numbers)])
        for a, b in zip(numbers, theirs[kind], strict=True):
            worst = max(worst, abs(a - b) / scale)
    return worst
