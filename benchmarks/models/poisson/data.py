"""Made data of a Poisson regression."""

from __future__ import annotations

import numpy as np


def make(rows: int, columns: int) -> dict[str, np.ndarray]:
    """Counts with a mean of about 3."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, columns))
    weights = 0.5 * rng.normal(size=columns) / np.sqrt(columns)
    return {"x": x, "y": rng.poisson(np.exp(1 + x @ weights)).astype(float)}
