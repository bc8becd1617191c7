"""What is done while LLVM works, which needs no Python."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """The result of a function, or its error, which is called once, when it is first asked for.

    Example::

        >>> from pyro.compile.meanwhile import Once
        >>> once = Once(lambda: print("called"))
        >>> once.attempt(), once.get()
        called
        (None, None)
    """

    def __init__(self, fn: Callable[[], T]) -> None:
        self._fn = fn
        self._results: list[T] = []
        self._error: Exception | None = None

    def attempt(self) -> None:
        """Call it now, if it has not been called; an error shows later."""
        if self._results or self._error is not None:
            return
        try:
            self._results.append(self._fn())
        except Exception as error:
            self._error = error

    def get(self) -> T:
        """The result; raises what the function has raised."""
        self.attempt()
        if self._error is not None:
            raise self._error
        return self._results[0]


def beside(work: Callable[[], T], meanwhile: Callable[[], object]) -> T:
    """What ``work`` returns; another thread does it while this one calls ``meanwhile``.

    Example::

        >>> from pyro.compile.meanwhile import beside
        >>> beside(lambda: 1, lambda: print("meanwhile"))
        meanwhile
        1
    """
    once = Once(work)
    thread = threading.Thread(target=once.attempt, name="pyro-llvm")
    thread.start()
    try:
        meanwhile()
    finally:
        thread.join()
    return once.get()
