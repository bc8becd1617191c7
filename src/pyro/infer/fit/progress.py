"""How far a run is: a bar on a terminal, otherwise lines in the log."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from pyro.logger import log

_BAR_SECONDS = 0.1
_LINE_SECONDS = 10.0


class Progress(ABC):
    """Shows how many steps have been made, and the smoothed loss, from time to time.

    :param total: How many steps there will be; None if that is not known.
    :param seconds: The least time between two signs of life.
    """

    def __init__(self, total: int | None, seconds: float) -> None:
        self.total = total
        self.made = 0
        self._seconds = seconds
        self._next = time.perf_counter() + seconds

    def update(self, steps: int, smoothed: Callable[[], float]) -> None:
        """More steps have been made."""
        self.made += steps
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + self._seconds
            self._show(smoothed())

    @abstractmethod
    def _show(self, smoothed: float) -> None:
        """Show where the run is."""

    @abstractmethod
    def close(self, smoothed: float, summary: str) -> None:
        """The run is over."""


class Bar(Progress):
    """A bar on the terminal."""

    def __init__(self, total: int | None) -> None:
        super().__init__(total, _BAR_SECONDS)
        from tqdm import tqdm

        self._bar: Any = tqdm(total=total, desc="SVI", unit="step", dynamic_ncols=True)

    def _show(self, smoothed: float) -> None:
        self._bar.set_postfix_str(f"loss {smoothed:.6g}", refresh=False)
        self._bar.update(self.made - self._bar.n)

    def close(self, smoothed: float, summary: str) -> None:
        self._show(smoothed)
        self._bar.close()


class Lines(Progress):
    """A line in the log every ten seconds, and one at the end."""

    def __init__(self, total: int | None) -> None:
        super().__init__(total, _LINE_SECONDS)

    def _show(self, smoothed: float) -> None:
        total = "" if self.total is None else f" of {self.total}"
        log.info("SVI: step %d%s, loss %.6g", self.made, total, smoothed)

    def close(self, smoothed: float, summary: str) -> None:
        log.info("SVI: %s", summary)


class Silence(Progress):
    """Nothing."""

    def __init__(self, total: int | None) -> None:
        super().__init__(total, float("inf"))

    def _show(self, smoothed: float) -> None:
        """Never called: no time is late enough."""

    def close(self, smoothed: float, summary: str) -> None:
        """Say nothing."""


def make_progress(total: int | None, shown: bool) -> Progress:
    """A bar where somebody watches (a terminal or a notebook), lines elsewhere."""
    if not shown:
        return Silence(total)
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    return Bar(total) if watched else Lines(total)
