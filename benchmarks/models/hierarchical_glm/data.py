"""Made data of a logistic regression whose weights differ from group to group."""

from __future__ import annotations

import numpy as np


def make(rows: int, columns: int, groups: int) -> dict[str, np.ndarray]:
    """Rows with the index of their group, and labels."""
    rng = np.random.default_rng(3)
    x, group = rng.normal(size=(rows, columns)), rng.integers(groups, size=rows)
    weights = 0.5 + 0.7 * rng.normal(size=(groups, columns))
    labels = rng.random(rows) < 1 / (1 + np.exp(-(x * weights[group]).sum(-1)))
    return {"x": x, "group": group, "y": labels.astype(float)}
