"""The run that shows which sites a model has, before its density can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from torch import Tensor

from pyro.collector import collector_paused
from pyro.infer.config_enumerate import config_enumerate
from pyro.infer.errors import SubsampleError
from pyro.infer.model.initialization import InitMessenger, Strategy
from pyro.infer.prototype import looking, max_plate_depth
from pyro.logger import log
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.sites import is_deterministic, is_latent, is_sample, is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message

ROOM = 4
"""Batch dims for plates in a run that enumerates before they have been counted."""


class Look(NamedTuple):
    """A run that was made to see.

    :param trace: with all values of each site that is enumerated.
    :param plates: how many batch dims plates occupy.
    :param room: how many were left for them; those of enumeration are further left.
    :param enumerated: the names of discrete latent sites.
    """

    trace: Trace
    plates: int
    room: int
    enumerated: tuple[str, ...]


def look(
    model: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    init: Strategy,
    max_plate_nesting: int | None = None,
    enumerate_discrete: bool = True,
) -> Look:
    """The sites of a model, in one run where that tells all.

    Where enumeration is to begin is known when the plates are counted. The run leaves room for
    some; only a model that has more, or whose batch dims it cannot tell from those of enumeration,
    is run again, without enumeration and then with it.

    :param init: where the continuous sites are.
    :param max_plate_nesting: how many batch dims plates occupy; None counts them.
    :raises SubsampleError: if a plate draws a subsample.
    """
    with collector_paused():
        return _look(model, args, kwargs, init, max_plate_nesting, enumerate_discrete)


def _look(
    model: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    init: Strategy,
    max_plate_nesting: int | None,
    enumerate_discrete: bool,
) -> Look:
    if enumerate_discrete:
        room = ROOM if max_plate_nesting is None else max_plate_nesting
        found = _enumerated(model, args, kwargs, init, room)
        if found is not None and (max_plate_nesting is not None or is_clear(found)):
            return found
    plain = _traced(model, args, kwargs, init)
    plates = max_plate_depth(plain) if max_plate_nesting is None else max_plate_nesting
    discrete = _discrete(plain) if enumerate_discrete else ()
    if not discrete:
        return Look(plain, plates, plates, ())
    return Look(_traced(model, args, kwargs, init, plates), plates, plates, discrete)


def _enumerated(
    model: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    init: Strategy,
    room: int,
) -> Look | None:
    """A run with enumeration left of ``room`` dims; None if the model does not bear it."""
    try:
        trace = _traced(model, args, kwargs, init, room)
    except SubsampleError:
        raise
    except Exception as error:  # the plain run, or the next, says so if it is the model's own
        log.debug("the plates of the model are counted first: %r", error)
        return None
    return seen(trace, room)


def seen(trace: Trace, room: int) -> Look:
    """What a run shows that enumerates left of ``room`` dims."""
    return Look(trace, max_plate_depth(trace), room, _discrete(trace))


def is_clear(found: Look) -> bool:
    """Whether no site has other dims than those that a run with exactly enough room shows."""
    for site in found.trace.nodes.values():
        if not is_sample(site) or is_subsample(site):
            continue
        shape = getattr(site["fn"], "batch_shape", ())
        rank = len(shape)
        undeclared = shape[max(0, rank - found.room) : max(0, rank - found.plates)]
        if found.plates > found.room or any(size != 1 for size in undeclared):
            return False
        if not found.enumerated:
            continue
        if rank > found.room and is_latent(site) and not _is_discrete(site):
            return False
        if is_deterministic(site) and _rank(site["value"]) > found.room:
            return False
    return True


def _traced(
    model: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    init: Strategy,
    room: int | None = None,
) -> Trace:
    program = model if room is None else config_enumerate(model)
    with looking(), TraceMessenger() as traced, ExitStack() as stack:
        stack.enter_context(InitMessenger(init))
        if room is not None:
            stack.enter_context(EnumMessenger(first_available_dim=-1 - room))
        program(*args, **kwargs)
    check_not_random(traced.trace)
    return traced.trace


def check_not_random(trace: Trace) -> None:
    """:raises SubsampleError: if a plate draws a subsample."""
    for name, site in trace.nodes.items():
        if is_sample(site) and is_subsample(site) and site["fn"].subsample_size < site["fn"].size:
            raise SubsampleError(
                f"plate({name!r}) draws {site['fn'].subsample_size} of {site['fn'].size} indices, "
                "so the density is random, and a sampler that evaluates it has no meaning. Use "
                "all data (no subsample_size), or SVI."
            )


def _discrete(trace: Trace) -> tuple[str, ...]:
    def names() -> Iterator[str]:
        for name, site in trace.nodes.items():
            if is_latent(site) and _is_discrete(site):
                yield name

    return tuple(names())


def _is_discrete(site: Message) -> bool:
    return bool(getattr(site["fn"].support, "is_discrete", False))


def _rank(value: Any) -> int:
    return value.dim() if isinstance(value, Tensor) else 0
