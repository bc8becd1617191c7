"""Monte Carlo errors of correlated draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def effective_size(draws: Floats) -> float:
    """Effective sample size of the mean of draws [chains, rows], by Geyer's monotone sequence."""
    chains, rows = draws.shape
    centred = draws - draws.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * rows, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :rows].mean(0) / rows
    within = covariance[0] * rows / (rows - 1)
    between = draws.mean(axis=1).var(ddof=1) if chains > 1 else 0.0
    total = within * (rows - 1) / rows + between
    if total == 0:
        return float(draws.size)
    correlation = 1 - (within - covariance) / total
    correlation[0] = 1.0
    pairs = correlation[: rows - rows % 2].reshape(-1, 2).sum(1)
    positive = pairs[: np.argmax(pairs < 0)] if np.any(pairs < 0) else pairs
    time = -1 + 2 * np.minimum.accumulate(positive).sum()
    return float(draws.size / max(time, 1 / np.log10(draws.size)))


def z_score(values: Floats, expected: float) -> float:
    """How many standard errors the mean of ``values`` [chains, rows] is from what is expected."""
    error = values.std() / np.sqrt(effective_size(values))
    return float((values.mean() - expected) / error)
