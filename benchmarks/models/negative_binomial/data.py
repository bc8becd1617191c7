"""Made data of a regression of overdispersed counts."""

from __future__ import annotations

import numpy as np


def make(rows: int, columns: int) -> dict[str, np.ndarray]:
    """Counts with a mean of about 3 and a dispersion of 2."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(rows, columns))
    mean = np.exp(1 + 0.5 * x @ rng.normal(size=columns) / np.sqrt(columns))
    return {"x": x, "y": rng.poisson(mean * rng.gamma(2.0, 0.5, size=rows)).astype(float)}
