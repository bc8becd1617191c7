"""Made draws of a correlated normal law."""

from __future__ import annotations

import numpy as np


def make(rows: int, dim: int) -> dict[str, np.ndarray]:
    """Rows that share one factor."""
    rng = np.random.default_rng(7)
    return {"x": rng.normal(size=(rows, dim)) + 0.7 * rng.normal(size=(rows, 1))}
