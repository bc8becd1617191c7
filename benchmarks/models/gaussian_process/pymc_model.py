"""Regression by a Gaussian process: a kernel with three unknowns, the function summed out."""

from __future__ import annotations

import numpy as np
import pymc as pm


def build(x: np.ndarray, y: np.ndarray) -> pm.Model:
    with pm.Model() as model:
        variance = pm.LogNormal("variance", 0.0, 1.0)
        length = pm.LogNormal("length", 0.0, 1.0)
        noise = pm.LogNormal("noise", -1.0, 1.0)
        squared = ((x[:, None] - x) / length) ** 2
        kernel = variance * pm.math.exp(-0.5 * squared) + (noise + 1e-6) * np.eye(len(x))
        pm.MvNormal("y", np.zeros(len(x)), cov=kernel, observed=y)
    return model
