"""Made sequences of chords; their content does not matter for the time of a step."""

from __future__ import annotations

import numpy as np


def make(sequences: int, length: int) -> dict[str, np.ndarray]:
    """Notes, of shape (sequences, length, 88)."""
    notes = np.random.default_rng(16).random((sequences, length, 88)) < 0.1
    return {"notes": notes.astype(float)}
