"""Handlers that may be entered while they are active."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from pyro.poutine.messenger import Messenger
from pyro.runtime import STATE


class ReentrantMessenger(Messenger):
    """A handler that joins the stack when first entered and leaves it when last left.

    The count of entries belongs to the thread, so one instance can serve several threads.
    """

    _reentrant = True

    def __enter__(self) -> Any:
        depth = STATE.entered.get(self, 0)
        STATE.entered[self] = depth + 1
        return self if depth else super().__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        depth = STATE.entered[self] - 1
        if depth:
            STATE.entered[self] = depth
            return None
        del STATE.entered[self]
        return super().__exit__(exc_type, exc_value, traceback)
