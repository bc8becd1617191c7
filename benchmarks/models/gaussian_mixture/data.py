"""Made points in groups."""

from __future__ import annotations

import numpy as np


def make(rows: int, kinds: int) -> dict[str, np.ndarray]:
    """Points around ``centers``, which tell the groups apart."""
    rng = np.random.default_rng(14)
    centers = 4.0 * np.arange(kinds)
    return {
        "x": centers[rng.integers(kinds, size=rows)] + rng.normal(size=rows),
        "centers": centers,
    }
