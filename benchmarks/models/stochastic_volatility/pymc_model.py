"""Returns with heavy tails, whose log volatility is a random walk; not centred."""

from __future__ import annotations

import numpy as np
import pymc as pm


def build(returns: np.ndarray) -> pm.Model:
    with pm.Model() as model:
        step = pm.Exponential("step", 10.0)
        tails = pm.Exponential("tails", 0.1)
        start = pm.Normal("start", 0.0, 2.0)
        z = pm.Normal("z", 0.0, 1.0, shape=len(returns))
        scale = pm.math.exp(start + step * z.cumsum())
        pm.StudentT("returns", nu=tails, mu=0.0, sigma=scale, observed=returns)
    return model
