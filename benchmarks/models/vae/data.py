"""Made binary images; their content does not matter for the time of a step."""

from __future__ import annotations

import numpy as np


def make(images: int) -> dict[str, np.ndarray]:
    """Pixels, of shape (images, 784)."""
    return {"image": (np.random.default_rng(15).random((images, 784)) < 0.3).astype(float)}
