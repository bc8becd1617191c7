"""Linear regression whose level differs from county to county, not centred."""

from __future__ import annotations

import numpy as np
import pymc as pm

GROUPS = 85


def build(group: np.ndarray, floor: np.ndarray, y: np.ndarray) -> pm.Model:
    with pm.Model() as model:
        loc = pm.Normal("loc", 0.0, 5.0)
        spread = pm.HalfCauchy("spread", 1.0)
        slope = pm.Normal("slope", 0.0, 5.0)
        scale = pm.HalfCauchy("scale", 1.0)
        z = pm.Normal("z", 0.0, 1.0, shape=GROUPS)
        level = loc + spread * z
        pm.Normal("y", level[group] + slope * floor, scale, observed=y)
    return model
