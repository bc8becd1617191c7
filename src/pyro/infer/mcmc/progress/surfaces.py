"""Where progress is shown: lines that are rewritten in place, or lines of a log."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Protocol, TextIO

_REDRAW = 0.2  # seconds
_FIRST_LINE, _LONGEST_GAP = 10.0, 300.0  # seconds, between lines of a log


class Surface(Protocol):
    """Where lines are shown."""

    gap: float  # seconds until the next time

    def put(self, lines: Sequence[str], last: bool) -> None:
        """Show lines, in place of those before where that is possible."""
        ...


def choose_surface() -> Surface:
    """That of this program: a notebook, a terminal, or a log."""
    if "IPython" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
        if shell is not None and "IPKernelApp" in getattr(shell, "config", {}):
            return Notebook()
    return Terminal(sys.stderr) if sys.stderr.isatty() else Log(sys.stderr)


class Terminal:
    """Lines that are rewritten in place."""

    gap = _REDRAW

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines = 0

    def put(self, lines: Sequence[str], last: bool) -> None:
        """Go up over the lines before, and write."""
        up = f"\x1b[{self._lines}A" if self._lines else ""
        self._file.write(up + "".join(f"\r\x1b[2K{line}\n" for line in lines))
        self._file.flush()
        self._lines = len(lines)


class Log:
    """A line now and then, ever more rarely."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.gap = _FIRST_LINE

    def put(self, lines: Sequence[str], last: bool) -> None:
        """Add the headline, and at the end the chains."""
        self._file.write(
            "".join(f"MCMC {line.strip()}\n" for line in (lines if last else lines[:1]))
        )
        self._file.flush()
        self.gap = min(2 * self.gap, _LONGEST_GAP)


class Notebook:
    """An output cell that is rewritten."""

    gap = _REDRAW

    def __init__(self) -> None:
        self._handle: Any = None

    def put(self, lines: Sequence[str], last: bool) -> None:
        """Rewrite the cell."""
        from IPython.display import Pretty, display

        text = Pretty("\n".join(lines))
        if self._handle is None:
            self._handle = display(text, display_id=True)
        else:
            self._handle.update(text)
