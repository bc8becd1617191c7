"""Stages by the kind of arguments that steps have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar, final

import torch

from pyro.infer.fit.steps.call import Call
from pyro.infer.fit.steps.form import flat, in_words, signature_of
from pyro.infer.fit.steps.stage import Stage

_MOST = 8
T = TypeVar("T")


@final
class Stages(Generic[T]):
    """A stage for each kind of arguments, as long as there are few kinds.

    :param changing: Whether each step has other tensors as arguments: then their shape decides,
        and otherwise their identity.
    """

    def __init__(self, changing: bool) -> None:
        self._changing = changing
        self._by_kind: dict[Any, Stage[T]] = {}

    def __iter__(self) -> Iterator[Stage[T]]:
        return iter(self._by_kind.values())

    def find(self, call: Call) -> tuple[Stage[T] | None, bool]:
        """The stage of these arguments, None if there are too many; and whether it is new."""
        leaves, spec = flat(*call)
        kind = (spec, *(signature_of(x, self._changing) for x in leaves), _precision())
        found = self._by_kind.get(kind)
        if found is not None:
            return found, False
        if len(self._by_kind) >= _MOST:
            return None, True
        found = self._by_kind[kind] = Stage(call)
        return found, True

    def clear(self) -> None:
        """Forget all that was recorded."""
        self._by_kind.clear()

    def restart(self) -> None:
        """Another run begins; it may have the arguments of the last steps again."""
        for kind in list(self._by_kind)[:-1] if not self._changing else ():
            del self._by_kind[kind]
        for stage in self:
            stage.restart()

    def counters(self) -> dict[str, dict[str, Any]]:
        """How far each is, by its arguments in words."""
        return {in_words(stage.call): stage.counters() for stage in self}


def _precision() -> tuple[Any, ...]:
    """What autocast does at the moment."""
    return tuple(
        torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        for kind in ("cpu", "cuda")
    )
