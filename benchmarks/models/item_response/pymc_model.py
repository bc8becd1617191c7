"""Item response: people have abilities, questions have a difficulty and a sharpness."""

from __future__ import annotations

import numpy as np
import pymc as pm


def build(right: np.ndarray) -> pm.Model:
    people, questions = right.shape
    with pm.Model() as model:
        difficulty = pm.Normal("difficulty", 0.0, 1.5, shape=questions)
        sharpness = pm.LogNormal("sharpness", 0.0, 0.5, shape=questions)
        ability = pm.Normal("ability", 0.0, 1.0, shape=(people, 1))
        logits = sharpness * (ability - difficulty)
        pm.Bernoulli("right", logit_p=logits, observed=right)
    return model
