"""Handlers of named sites, and the names that no site has borne yet."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from types import TracebackType

from pyro.poutine.messenger import Messenger


class UnusedNames:
    """Remembers which of the given names no site has borne, to warn about them once.

    :param handler: The name of the handler, for the warning.
    :param kind: What kind of site it looks for.
    """

    def __init__(self, handler: str, kind: str, names: Iterable[str]) -> None:
        self._handler, self._kind = handler, kind
        self._names = set(names)

    def used(self, name: str) -> None:
        """Take a name off the list."""
        self._names.discard(name)

    def warn(self, stacklevel: int) -> None:
        """Warn if names are left, once."""
        if self._names:
            names = ", ".join(repr(name) for name in sorted(self._names))
            self._names = set()
            warnings.warn(
                f"{self._handler} did not find {self._kind} {names} in this run. If the name is "
                "right and the site lies in a branch that was not taken, ignore this.",
                UserWarning,
                stacklevel=stacklevel + 1,
            )


class ByNameMessenger(Messenger):
    """A handler that is given names of sites; on leaving, it warns once about those not found."""

    _unused: UnusedNames

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if exc_type is None:
            self._unused.warn(stacklevel=2)
        return super().__exit__(exc_type, exc_value, traceback)
