"""Checks are off for several threads at once, and on again when the last has gone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

import pyro.distributions as dist
from pyro.primitives.validation import unchecked, validation_enabled


def test_threads_that_come_and_go() -> None:
    """Each leaves when the next is inside: one context after the other would restore wrongly."""
    meet = Barrier(3)

    def wrong(k: int) -> float:
        for turn in range(3):
            if turn == k:
                with unchecked():
                    meet.wait(10)
                    found = dist.Normal(0.0, -1.0).scale
                    meet.wait(10)
            else:
                with unchecked():
                    meet.wait(10)
                meet.wait(10)
        return float(found)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(wrong, range(3))) == [-1.0] * 3
    with pytest.raises(ValueError, match="scale"):
        dist.Normal(0.0, -1.0)


def test_what_was_set_before_is_set_again() -> None:
    with validation_enabled(False), unchecked():
        with unchecked():
            pass
        dist.Normal(0.0, -1.0)
    with pytest.raises(ValueError, match="scale"), unchecked():
        raise ValueError("scale")
    with pytest.raises(ValueError, match="parameter scale"):
        dist.Normal(0.0, -1.0)
