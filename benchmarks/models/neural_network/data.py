"""Made data of a regression that is not linear."""

from __future__ import annotations

import numpy as np


def make(rows: int, columns: int) -> dict[str, np.ndarray]:
    """Standard normal inputs, and a noisy function of two of them."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(rows, columns))
    return {"x": x, "y": np.sin(x[:, 0]) + x[:, 1] ** 2 / 4 + 0.3 * rng.normal(size=rows)}
