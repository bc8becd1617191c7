"""Logistic regression."""

from __future__ import annotations

import numpy as np
import pymc as pm


def build(x: np.ndarray, y: np.ndarray) -> pm.Model:
    with pm.Model() as model:
        bias = pm.Normal("bias", 0.0, 2.0)
        weights = pm.Normal("weights", 0.0, 1.0, shape=x.shape[1])
        pm.Bernoulli("y", logit_p=x @ weights + bias, observed=y)
    return model
