"""Made data of a logistic regression."""

from __future__ import annotations

import numpy as np


def make(rows: int, columns: int) -> dict[str, np.ndarray]:
    """Standard normal covariates, and weights such that the labels are neither sure nor blind."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns))
    weights = rng.normal(size=columns) / np.sqrt(columns)
    labels = rng.random(rows) < 1 / (1 + np.exp(-x @ weights))
    return {"x": x, "y": labels.astype(float)}
