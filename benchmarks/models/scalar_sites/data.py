"""One number for each of many sites."""

from __future__ import annotations

import numpy as np


def make(sites: int) -> dict[str, np.ndarray]:
    """Normal numbers."""
    return {"y": np.random.default_rng(13).normal(size=sites)}
