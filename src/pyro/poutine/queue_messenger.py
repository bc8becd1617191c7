"""Run a program over a queue of partial executions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from pyro.errors import HandlerError
from pyro.poutine.escape_messenger import EscapeMessenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.poutine.util import discrete_escape, enum_extend
from pyro.runtime import Message, NonlocalExit


class TraceQueue(Protocol):
    """What the search needs of a queue (``queue.Queue``, ``LifoQueue`` and so on have it)."""

    def put(self, item: Any) -> None: ...
    def get(self) -> Any: ...
    def empty(self) -> bool: ...


Extend = Callable[..., Iterable[Trace]]
Escape = Callable[[Trace, Message], bool]


class QueueExhaustedError(HandlerError):
    """There is no partial execution left to continue."""


def run_next(
    fn: Callable[..., Any],
    queue: TraceQueue,
    max_tries: int,
    extend_fn: Extend,
    escape_fn: Escape,
    num_samples: int | None,
) -> Callable[..., Any]:
    """A function that takes partial traces off a queue until one of them completes.

    A partial trace is replayed up to the first site that ``escape_fn`` accepts; then its
    extensions by that site join the queue.

    :raises HandlerError: when the queue is empty, or after ``max_tries`` partial traces.
    """

    @functools.wraps(fn)
    def search(*args: Any, **kwargs: Any) -> Any:
        for _ in range(max_tries):
            if queue.empty():
                raise QueueExhaustedError(
                    "queue: there are no partial traces (left): every execution has been visited. "
                    "Start with queue.put(poutine.Trace())."
                )
            partial: Trace = queue.get()
            tracer = TraceMessenger()
            try:
                with tracer, EscapeMessenger(functools.partial(escape_fn, partial)):
                    with ReplayMessenger(partial):
                        return fn(*args, **kwargs)
            except NonlocalExit as leaving:
                leaving.reset_stack()
                so_far = tracer.trace.copy()
                for extended in extend_fn(so_far, leaving.site, num_samples):
                    queue.put(extended)
        raise HandlerError(f"queue: max tries ({max_tries}) exceeded without a complete execution")

    return search


def queue(
    fn: Callable[..., Any] | None = None,
    queue: TraceQueue | None = None,
    max_tries: int | None = None,
    extend_fn: Extend | None = None,
    escape_fn: Escape | None = None,
    num_samples: int | None = None,
) -> Callable[..., Any]:
    """Run a program once per call, each time along the next path of a search over its choices.

    A last-in-first-out queue searches depth first, a first-in-first-out one breadth first.

    :param queue: Of partial traces; put one empty ``poutine.Trace()`` in to begin.
    :param max_tries: How many partial traces one call may take off the queue (default a million).
    :param extend_fn: Maps a trace, a site and ``num_samples`` to the extended traces
        (default :func:`~pyro.poutine.util.enum_extend`).
    :param escape_fn: Whether to branch at a site, given the partial trace
        (default :func:`~pyro.poutine.util.discrete_escape`).
    :raises HandlerError: if ``queue`` is missing; from the program, if it is empty.

    Example::

        >>> from queue import LifoQueue
        >>> def model():
        ...     if pyro.sample("rain", dist.Bernoulli(0.25)):
        ...         return "wet"
        ...     return "wet" if pyro.sample("sprinkler", dist.Bernoulli(0.5)) else "dry"
        >>> paths = LifoQueue()
        >>> paths.put(poutine.Trace())
        >>> search = poutine.trace(poutine.queue(model, queue=paths))
        >>> while not paths.empty():
        ...     trace = search.get_trace()
        ...     print(trace.nodes["_RETURN"]["value"], f"{trace.log_prob_sum().exp():.3f}")
        wet 0.250
        wet 0.375
        dry 0.375
    """
    if queue is None:
        raise HandlerError("queue: give the queue of partial traces by keyword, queue=...")
    options: dict[str, Any] = {
        "queue": queue,
        "max_tries": 1_000_000 if max_tries is None else max_tries,
        "extend_fn": enum_extend if extend_fn is None else extend_fn,
        "escape_fn": discrete_escape if escape_fn is None else escape_fn,
        "num_samples": num_samples,
    }
    if fn is None:
        return functools.partial(run_next, **options)
    if not callable(fn):
        raise HandlerError(
            f"{fn!r} is not callable, did you mean to pass it as a keyword argument?"
        )
    return run_next(fn, **options)
