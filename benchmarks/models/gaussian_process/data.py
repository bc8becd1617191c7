"""Made data of a regression by a Gaussian process."""

from __future__ import annotations

import numpy as np


def make(points: int) -> dict[str, np.ndarray]:
    """A sine with noise."""
    rng = np.random.default_rng(4)
    x = np.sort(rng.uniform(-3, 3, size=points))
    return {"x": x, "y": np.sin(2 * x) + 0.3 * rng.normal(size=points)}
