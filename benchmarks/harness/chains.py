"""What all samplers are asked for, and how their draws reach the referee."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

CHAINS = 4
WARMUP = 1_000
DRAWS = 1_000


def save(path: str, draws: Mapping[str, object]) -> None:
    """Write draws of shape (chains, draws, ...) by name of site."""
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in draws.items()}
    np.savez(Path(path), **arrays)


def silently(run: Callable[[], object]) -> None:
    """Make a printed table without showing it."""
    with redirect_stdout(io.StringIO()):
        run()
