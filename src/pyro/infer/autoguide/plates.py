"""The plates of a guide, made anew for each call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.prototype import looking
from pyro.poutine.condition_messenger import ConditionMessenger
from pyro.poutine.messenger import Messenger
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.sites import is_subsample
from pyro.runtime import Frame, Message

Plates = dict[str, PlateMessenger]


class _CallPlates(threading.local):
    """The plates of the call in progress or last made in this thread, by guide."""

    def __init__(self) -> None:
        self.by_guide: WeakKeyDictionary[Any, Plates] = WeakKeyDictionary()


CALL_PLATES = _CallPlates()


def made_by_user(create: Callable[..., Any] | None, args: Any, kwargs: Any) -> Plates:
    """The plates that ``create_plates`` returns: one, or several."""
    if create is None:
        return {}
    made = create(*args, **kwargs)
    plates = [made] if isinstance(made, PlateMessenger) else list(_iterable(made))
    for plate in plates:
        if not isinstance(plate, PlateMessenger):
            raise InferenceError(
                f"create_plates must return a pyro.plate or several of them, but got {plate!r}"
            )
    return {plate.name: plate for plate in plates}


def _iterable(made: Any) -> Iterable[Any]:
    if not isinstance(made, Iterable):
        raise InferenceError(
            f"create_plates must return a pyro.plate or several of them, but got {made!r}"
        )
    return made


def complete(plates: Plates, frames: Mapping[str, Frame], given: Mapping[str, Tensor]) -> Plates:
    """Add the plates that are missing, with the indices that are given, or else drawn."""
    for name in sorted(frames):
        if name in plates:
            continue
        frame = frames[name]
        size = frame.size if frame.full_size is None else frame.full_size
        if size == -1:
            plates[name] = PlateMessenger(name, dim=frame.dim)
        elif name in given:
            plates[name] = PlateMessenger(name, size, subsample=given[name], dim=frame.dim)
        else:
            plates[name] = PlateMessenger(name, size, frame.size, dim=frame.dim)
    return plates


def given_indices(
    model: Callable[..., Any],
    names: Iterable[str],
    values: Mapping[str, Tensor],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> dict[str, Tensor]:
    """The subsamples that a model gives its plates in a run with these arguments.

    The run is made to see, and ends with the last of the plates.

    :param names: The plates.
    :param values: Values for the latent sites outside of them.
    """
    with looking(), _Indices(names) as seen, ConditionMessenger(values):
        with suppress(_AllSeenError):
            model(*args, **kwargs)
    indices: dict[str, Tensor] = seen.indices
    return indices


class _AllSeenError(Exception):
    """Leaves a model after the last plate."""


class _Indices(Messenger):
    def __init__(self, names: Iterable[str]) -> None:
        self._missing = set(names)
        self.indices: dict[str, Tensor] = {}

    def _pyro_post_sample(self, msg: Message) -> None:
        if msg["name"] in self._missing and is_subsample(msg):
            self._missing.remove(msg["name"])
            self.indices[msg["name"]] = msg["value"]
            if not self._missing:
                raise _AllSeenError
