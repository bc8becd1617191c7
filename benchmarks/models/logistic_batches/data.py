"""The data of ``logistic``."""

from __future__ import annotations

import numpy as np
from models.logistic import data


def make(rows: int, columns: int) -> dict[str, np.ndarray]:
    """The same."""
    return data.make(rows, columns)
