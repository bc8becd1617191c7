"""Eight schools, not centred."""

from __future__ import annotations

import numpy as np
import pymc as pm


def build(stddev: np.ndarray, effect: np.ndarray) -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.HalfCauchy("tau", 5.0)
        eta = pm.Normal("eta", 0.0, 1.0, shape=len(stddev))
        pm.Normal("y", mu + tau * eta, stddev, observed=effect)
    return model
