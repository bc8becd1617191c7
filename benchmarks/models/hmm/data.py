"""Made observations of a hidden Markov chain."""

from __future__ import annotations

import numpy as np


def make(steps: int, states: int) -> dict[str, np.ndarray]:
    """Observations; the chain mostly stays where it is. ``centers`` tells the states apart."""
    rng = np.random.default_rng(6)
    centers = 3.0 * np.arange(states)
    state, observed = 0, []
    for _ in range(steps):
        state = state if rng.random() < 0.7 else int(rng.integers(states))
        observed.append(centers[state] + rng.normal())
    return {"x": np.array(observed), "centers": centers}
