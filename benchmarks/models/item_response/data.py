"""Made answers of people to the questions of a test."""

from __future__ import annotations

import numpy as np


def make(people: int, questions: int) -> dict[str, np.ndarray]:
    """Whether an answer is right, of shape (people, questions)."""
    rng = np.random.default_rng(12)
    ability, difficulty = rng.normal(size=(people, 1)), rng.normal(size=questions)
    logits = np.exp(0.3 * rng.normal(size=questions)) * (ability - difficulty)
    right = rng.random((people, questions)) < 1 / (1 + np.exp(-logits))
    return {"right": right.astype(float)}
