"""Made documents: counts of words, from a mixture."""

from __future__ import annotations

import numpy as np


def make(documents: int, words: int, length: int, kinds: int) -> dict[str, np.ndarray]:
    """The counts of each word in each document."""
    rng = np.random.default_rng(5)
    concentration = rng.gamma(1.0, 1.0, size=(kinds, words)) + 0.1
    kind = rng.integers(kinds, size=documents)
    counts = [rng.multinomial(length, rng.dirichlet(concentration[k])) for k in kind]
    return {"counts": np.array(counts).astype(float)}
