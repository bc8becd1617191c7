"""What the losses of a run say: smoothed, and whether they still fall."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

_MAD_TO_SD = 1.4826
_MEDIAN_TO_MEAN = 1.2533  # standard error of a median over that of a mean, for normal noise
DEFAULT_TOL = 1e-3


class Monitor:
    r"""Watches losses in windows of equal length.

    The smoothed loss of a window is its median :math:`m`, so single draws far out do not count.
    A window makes progress if

    .. math:: (r - m) / \max(|m|, 1) > tol,

    where :math:`r` is the smoothed loss at the last progress. The run has *converged* when
    ``patience`` windows in a row made none, and their losses have not risen above :math:`r` by
    more than their noise explains.

    See Kucukelbir, Tran, Ranganath, Gelman and Blei (2017), *Automatic Differentiation Variational
    Inference*, JMLR 18 (the relative change of the bound); Prechelt (1998), *Early Stopping - But
    When?* (patience).

    :param window: How many losses a window has.
    :param tol: The relative change that counts as progress.
    :param patience: How many windows without progress it takes.

    Example::

        >>> monitor = Monitor(window=10, tol=1e-3, patience=3)
        >>> for step in range(100):
        ...     if monitor.add([5.0 + 0.9**step]):
        ...         if monitor.converged: break
        >>> step, round(monitor.smoothed, 2)
        (89, 5.0)
    """

    def __init__(self, window: int, tol: float, patience: int) -> None:
        self.window, self.tol, self.patience = window, tol, patience
        self.best = math.inf
        self.best_step = 0
        self.converged = False
        self._steps = 0
        self._current: list[float] = []
        self._last: list[float] = []
        self._reference = math.inf
        self._stale: list[tuple[float, float]] = []  # smoothed loss and its noise

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

    def _close(self) -> None:
        self._last, self._current = self._current, []
        level = _median(self._last)
        if level < self.best:
            self.best, self.best_step = level, self._steps
        if not math.isfinite(level):
            return
        if self._reference == math.inf or self._gain(level) > self.tol:
            self._reference, self._stale = level, []
        else:
            self._stale = [*self._stale, (level, _noise(self._last, level))][-self.patience :]
        self.converged = len(self._stale) >= self.patience and not self._rising()

    def _gain(self, level: float) -> float:
        return (self._reference - level) / max(abs(level), 1.0)

    def _rising(self) -> bool:
        level, noise = min(self._stale)
        return -self._gain(level) > self.tol and level > self._reference + 4 * noise


def _median(losses: list[float]) -> float:
    finite = [loss for loss in losses if math.isfinite(loss)]
    return median(finite) if finite else math.nan


def _noise(losses: list[float], level: float) -> float:
    """The standard error of the median of some losses."""
    spread = _median([abs(loss - level) for loss in losses])
    return _MEDIAN_TO_MEAN * _MAD_TO_SD * spread / math.sqrt(len(losses))
