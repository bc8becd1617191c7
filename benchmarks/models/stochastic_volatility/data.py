"""Made daily returns."""

from __future__ import annotations

import numpy as np


def make(length: int) -> dict[str, np.ndarray]:
    """Returns whose log volatility is a random walk."""
    rng = np.random.default_rng(10)
    log_scale = np.cumsum(0.1 * rng.normal(size=length)) - 1
    return {"returns": np.exp(log_scale) * rng.standard_t(8, size=length)}
