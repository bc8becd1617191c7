"""The switch for all validation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from pyro import settings

_SWITCHES = (
    "validate_distributions_pyro",
    "validate_distributions_torch",
    "validate_infer",
    "validate_poutine",
)


def enable_validation(is_validate: bool = True) -> None:
    """Switch all checks (of distributions, handlers and inference) on or off; they are on at first.

    Example::

        >>> enable_validation(False)  # production: a few microseconds less per site
        >>> enable_validation(True)
    """
    settings.set(**dict.fromkeys(_SWITCHES, is_validate))


@contextmanager
def validation_enabled(is_validate: bool = True) -> Iterator[None]:
    """All checks on (or off) inside a context.

    Example::

        >>> with validation_enabled(False):
        ...     dist.Normal(0.0, -1.0).scale
        tensor(-1.)
        >>> dist.Normal(0.0, -1.0)
        Traceback (most recent call last):
            ...
        ValueError: ...
    """
    with settings.context(**dict.fromkeys(_SWITCHES, is_validate)):
        yield


@final
class _Unchecked:
    """Threads that run without checks: the first to come switches off, the last to go restores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: dict[str, object] = {}

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = {name: settings.get(name) for name in _SWITCHES}
                settings.set(**dict.fromkeys(_SWITCHES, False))
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                settings.set(**self._before)


_UNCHECKED = _Unchecked()


@contextmanager
def unchecked() -> Iterator[None]:
    """All checks off until the last thread has left the context, for what runs in many threads.

    Example::

        >>> with unchecked():
        ...     dist.Normal(0.0, -1.0).scale
        tensor(-1.)
    """
    _UNCHECKED.enter()
    try:
        yield
    finally:
        _UNCHECKED.leave()
