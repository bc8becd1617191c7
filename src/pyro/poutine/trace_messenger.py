"""Record what a program does."""

from __future__ import annotations

import functools
from collections.abc import Callable
from traceback import walk_tb
from types import TracebackType
from typing import Any, Self

from pyro.poutine.blame import statement_of
from pyro.poutine.messenger import Messenger
from pyro.poutine.sites import is_sample, is_subsample
from pyro.poutine.trace_format import format_shapes
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message, apply_stack


class TraceMessenger(Messenger):
    """Record the sites of a program in a :class:`~pyro.poutine.Trace`.

    :param graph_type: "flat" (default) or "dense", which adds edges between dependent sites.
    :param param_only: Record ``pyro.param`` statements alone.
    """

    def __init__(self, graph_type: str | None = None, param_only: bool | None = None) -> None:
        self.graph_type = graph_type or "flat"
        self.param_only = bool(param_only)
        self.trace = Trace(self.graph_type)

    def __enter__(self) -> Self:
        super().__enter__()
        self.trace = Trace(self.graph_type)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if self.graph_type == "dense" and exc_type is None:
            identify_dense_edges(self.trace)
        if isinstance(exc_value, ValueError | RuntimeError):
            self._explain(exc_value)
        return super().__exit__(exc_type, exc_value, traceback)

    def __call__(self, fn: Callable[..., Any]) -> TraceHandler:
        if not callable(fn):
            return super().__call__(fn)  # raises
        return TraceHandler(self, fn)

    def get_trace(self) -> Trace:
        """A copy of the trace so far."""
        return self.trace.copy()

    def _reset(self) -> None:
        recorded, self.trace = self.trace, Trace(self.graph_type)
        if "_INPUT" in recorded:
            self.trace.record("_INPUT", recorded.nodes["_INPUT"])

    def _pyro_post_sample(self, msg: Message) -> None:
        if not self.param_only and not msg["infer"].get("_do_not_trace"):
            self.trace.record(msg["name"], msg.copy())

    def _pyro_post_param(self, msg: Message) -> None:
        self.trace.record(msg["name"], msg.copy())

    def _explain(self, error: BaseException) -> None:
        """Attach the shape table to an error that leaves the program, once."""
        notes = getattr(error, "__notes__", ())
        if not any(note.startswith("Trace Shapes:") for note in notes) and len(self.trace):
            error.add_note(format_shapes(self.trace.nodes, pending=_failing_site(error)))
            where = statement_of(error)
            if where is not None:
                error.add_note(where)


def _failing_site(error: BaseException) -> Message | None:
    """The sample site that was on its way through the handlers when an error was raised."""
    failing: Message | None = None
    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_code is apply_stack.__code__ and is_sample(frame.f_locals["msg"]):
            failing = frame.f_locals["msg"]
    return failing


class TraceHandler:
    """A function whose calls are recorded; ``get_trace`` calls it and returns the record.

    Calls from several threads do not disturb each other; ``trace`` is the record of the last call.
    """

    def __init__(self, messenger: TraceMessenger, fn: Callable[..., Any]) -> None:
        functools.update_wrapper(self, fn, updated=())
        self.fn = fn
        self.msngr = messenger

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(args, kwargs)[1]

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    @property
    def trace(self) -> Trace:
        """The record of the last call."""
        return self.msngr.trace

    def get_trace(self, *args: Any, **kwargs: Any) -> Trace:
        """Call the function and return the record of the call."""
        return self._run(args, kwargs)[0]

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Trace, Any]:
        messenger = TraceMessenger(self.msngr.graph_type, self.msngr.param_only)
        with messenger:
            self.msngr.trace = messenger.trace  # also when the function does not return
            messenger.trace.nodes["_INPUT"] = {
                "name": "_INPUT",
                "type": "args",
                "args": args,
                "kwargs": kwargs,
            }
            value = self.fn(*args, **kwargs)
            messenger.trace.nodes["_RETURN"] = {"name": "_RETURN", "type": "return", "value": value}
            self.msngr.trace = messenger.trace  # a queue inside may have started it afresh
        return messenger.trace, value


def identify_dense_edges(trace: Trace) -> None:
    """Join each sample site of a trace to all earlier ones that may have influenced it.

    Two sites are independent when they lie in different iterations of one sequential plate.
    """
    sample_sites = [
        (name, site)
        for name, site in trace.nodes.items()
        if is_sample(site) and not is_subsample(site)
    ]
    for position, (name, site) in enumerate(sample_sites):
        counters = {f.name: f.counter for f in site["cond_indep_stack"] if f.dim is None}
        for past_name, past in sample_sites[:position]:
            separated = any(
                frame.dim is None and counters.get(frame.name, frame.counter) != frame.counter
                for frame in past["cond_indep_stack"]
            )
            if not separated:
                trace.add_edge(past_name, name)
