"""What the losses of a run say: smoothed, and whether they still fall."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean

_MAD_TO_SD = 1.4826
_MEDIAN_TO_MEAN = 1.2533  # standard error of a median over that of a mean, for normal noise
DEFAULT_TOL = 1e-3


class Monitor:
    r"""Watches losses in windows of equal length.

    The level of a window is the median of its losses, so single draws far out do not count. With
    :math:`m` the mean level of the last ``patience`` windows, and :math:`m'` that of as many
    windows before them, the run has *converged* when

    .. math:: (m' - m) / \max(|m|, 1) \le tol,

    and :math:`m` is not above :math:`m'` by more than the noise of the losses explains. The least
    :math:`m` so far marks the best state.

    See Kucukelbir, Tran, Ranganath, Gelman and Blei (2017), *Automatic Differentiation Variational
    Inference*, JMLR 18 (the relative change of the bound); Prechelt (1998), *Early Stopping - But
    When?* (strips and patience).

    :param window: How many losses a window has.
    :param tol: The relative change that counts as progress.
    :param patience: How many windows are compared with as many before.

    Example::

        >>> monitor = Monitor(window=10, tol=1e-3, patience=3)
        >>> for step in range(1000):
        ...     if monitor.add([5.0 + 0.9**step]):
        ...         if monitor.converged: break
        >>> step, round(monitor.smoothed, 2)
        (99, 5.0)
    """

    def __init__(self, window: int, tol: float, patience: int) -> None:
        self.window, self.tol, self.patience = window, tol, patience
        self.best = math.inf
        self.best_step = 0
        self._steps = 0
        self._current: list[float] = []
        self._last: list[float] = []
        self._levels: list[float] = []  # of the last 2 * patience windows
        self._windows: list[list[float]] = []  # these themselves

    @property
    def until_end(self) -> int:
        """How many losses the current window lacks."""
        return self.window - len(self._current)

    @property
    def smoothed(self) -> float:
        """The median of the last losses, as many as a window has."""
        recent = (self._last + self._current)[-self.window :]
        return _median(recent)

    def add(self, losses: Iterable[float]) -> bool:
        """Take note of losses, at most to the end of the window; whether it ends here."""
        before = len(self._current)
        self._current.extend(losses)
        self._steps += len(self._current) - before
        if len(self._current) < self.window:
            return False
        self._close()
        return True

    @property
    def improved(self) -> bool:
        """Whether the window that ended last is the best so far."""
        return self.best_step == self._steps

    @property
    def converged(self) -> bool:
        """Whether the losses had stopped falling when the last window ended."""
        if len(self._levels) < 2 * self.patience:
            return False
        before, now = (fmean(part) for part in self._halves())
        allowed = self.tol * max(abs(now), 1.0)
        if before - now > allowed:
            return False
        return now - before <= max(allowed, 4 * self._noise())

    def _close(self) -> None:
        self._last, self._current = self._current, []
        level = _median(self._last)
        if not math.isfinite(level):
            return
        kept = 1 - 2 * self.patience
        self._levels = [*self._levels[kept:], level]
        self._windows = [*self._windows[kept:], self._last]
        now = fmean(self._levels[-self.patience :])
        if now < self.best:
            self.best, self.best_step = now, self._steps

    def _halves(self) -> tuple[list[float], list[float]]:
        return self._levels[: self.patience], self._levels[self.patience :]

    def _noise(self) -> float:
        """The standard error of the mean of ``patience`` levels, by all that are there."""
        noises = map(_noise, self._windows, self._levels)
        return math.sqrt(sum(noise**2 for noise in noises)) / self.patience


def _median(losses: list[float]) -> float:
    """The median of those that are finite."""
    ordered = sorted(filter(math.isfinite, losses))
    if not ordered:
        return math.nan
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _noise(losses: list[float], level: float) -> float:
    """The standard error of the median of some losses."""
    spread = _median([abs(loss - level) for loss in losses])
    return _MEDIAN_TO_MEAN * _MAD_TO_SD * spread / math.sqrt(len(losses))
