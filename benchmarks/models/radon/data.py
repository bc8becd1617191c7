"""Made measurements in houses of several counties, of sizes as uneven as real ones."""

from __future__ import annotations

import numpy as np


def make(rows: int, groups: int) -> dict[str, np.ndarray]:
    """The county of each house, whether it was measured on the ground floor, and the result."""
    rng = np.random.default_rng(11)
    share = rng.dirichlet(0.7 * np.ones(groups))
    group = np.concatenate([np.arange(groups), rng.choice(groups, rows - groups, p=share)])
    floor = (rng.random(rows) < 0.2).astype(float)
    level = 1.4 + 0.3 * rng.normal(size=groups)
    y = level[group] - 0.7 * floor + 0.75 * rng.normal(size=rows)
    return {"group": group, "floor": floor, "y": y}
