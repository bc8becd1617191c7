"""A made series."""

from __future__ import annotations

import numpy as np


def make(length: int) -> dict[str, np.ndarray]:
    """An autoregression of second order around 1."""
    rng = np.random.default_rng(9)
    y = [1.0, 1.0]
    for _ in range(length - 2):
        y.append(0.3 + 0.5 * y[-1] + 0.2 * y[-2] + 0.4 * rng.normal())
    return {"y": np.array(y)}
