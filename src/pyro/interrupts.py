"""Ctrl-C while foreign code runs that calls Python back.

No exception passes through foreign code. A ``KeyboardInterrupt`` that is raised as such a callback
begins or ends, outside of any ``try`` of it, is printed and lost, and the callback returns
anything. So a caller of such code holds Ctrl-C back, and a callback lets it pass where it can be
caught.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, final


@final
class _Hold:
    """A handler of SIGINT before the present one, to which it passes the signal when it may."""

    def __init__(self, handler: Callable[[int, FrameType | None], Any]) -> None:
        self.handler = handler
        self.passes = False
        self.waits = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.waits = True
        if self.passes:
            self.deliver()

    def deliver(self) -> None:
        """Pass on what waits, if something does; once, and nothing passes any more then."""
        self.passes = False
        if self.waits:
            self.waits = False
            self.handler(signal.SIGINT, None)


@contextmanager
def held_back() -> Iterator[None]:
    """A block in which Ctrl-C waits until its end, or until an inner block lets it pass.

    Only the main thread receives signals: in others, and where SIGINT is left to the system, the
    block does nothing.

    Example::

        >>> import os, signal
        >>> from pyro.interrupts import held_back
        >>> try:
        ...     with held_back():
        ...         os.kill(os.getpid(), signal.SIGINT)
        ...         print("the block goes on")
        ... except KeyboardInterrupt:
        ...     print("then it ends")
        the block goes on
        then it ends
    """
    handler = signal.getsignal(signal.SIGINT) if _receives() else None
    if not callable(handler):
        yield
        return
    hold = _Hold(handler)
    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        hold.deliver()


@contextmanager
def let_through() -> Iterator[None]:
    """A block, in one that holds Ctrl-C back, that Ctrl-C may end; elsewhere it does nothing."""
    hold = signal.getsignal(signal.SIGINT) if _receives() else None
    if not isinstance(hold, _Hold):
        yield
        return
    hold.passes = True
    try:
        if hold.waits:
            hold.deliver()
        yield
    finally:
        hold.passes = False


def _receives() -> bool:
    return threading.current_thread() is threading.main_thread()
