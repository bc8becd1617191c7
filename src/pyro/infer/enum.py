"""Pairs of traces for objectives, and the marking of sites to enumerate."""

from __future__ import annotations

from collections.abc import Iterator
from queue import LifoQueue
from typing import Any

from pyro.infer import validation
from pyro.infer.checks import check_model_guide_match, check_site_shape
from pyro.infer.config_enumerate import config_enumerate
from pyro.infer.lent_sites import lend_auxiliary_sites
from pyro.infer.prototype import Program
from pyro.poutine.queue_messenger import run_next
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.poutine.util import discrete_escape, enum_extend, prune_subsample_sites
from pyro.runtime import Message


def get_importance_trace(
    graph_type: str,
    max_plate_nesting: float,
    model: Program,
    guide: Program,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    detach: bool = False,
) -> tuple[Trace, Trace]:
    """Run the guide, and the model with the guide's values; score and check both.

    :param graph_type: "flat" or "dense"; see :class:`~pyro.poutine.Trace`.
    :param max_plate_nesting: How deeply plates may be nested.
    :param detach: Whether the model gets the guide's values without their history.
    :return: The model's trace with ``log_prob`` and the guide's with ``score_parts``, without the
        index draws of plates.
    """
    guide_trace = TraceMessenger(graph_type)(guide).get_trace(*args, **kwargs)
    if detach:
        guide_trace.detach_()
    with ReplayMessenger(guide_trace):
        model_trace = TraceMessenger(graph_type)(model).get_trace(*args, **kwargs)
    if validation.VALIDATE:
        check_model_guide_match(model_trace, guide_trace, max_plate_nesting)
    lend_auxiliary_sites(model_trace, guide_trace)
    model_trace, guide_trace = map(prune_subsample_sites, (model_trace, guide_trace))
    model_trace.compute_log_prob()
    guide_trace.compute_score_parts()
    if validation.VALIDATE:
        for trace in (model_trace, guide_trace):
            for site in trace.nodes.values():
                if site["type"] == "sample" and not is_subsample(site):
                    check_site_shape(site, max_plate_nesting)
    return model_trace, guide_trace


def iter_discrete_escape(trace: Trace, msg: Message) -> bool:
    """Whether a site is to be enumerated sequentially, and has no value in the trace yet."""
    return msg["infer"].get("enumerate") == "sequential" and discrete_escape(trace, msg)


def iter_discrete_traces(
    graph_type: str, fn: Program, *args: Any, **kwargs: Any
) -> Iterator[Trace]:
    """The traces of a program for all values of its sequentially enumerated sites, depth first.

    Other sites are drawn; traces share the draws made before they part.

    :param graph_type: "flat" or "dense"; see :class:`~pyro.poutine.Trace`.

    Example::

        >>> def model():
        ...     if pyro.sample("rain", dist.Bernoulli(0.25), infer={"enumerate": "sequential"}):
        ...         pyro.sample("mm", dist.Poisson(5.0), infer={"enumerate": None})
        >>> [list(trace.stochastic_nodes) for trace in iter_discrete_traces("flat", model)]
        [['rain', 'mm'], ['rain']]
    """
    queue: LifoQueue[Trace] = LifoQueue()
    queue.put(Trace())
    tracer = TraceMessenger(graph_type)(
        run_next(fn, queue, 1_000_000, enum_extend, iter_discrete_escape, None)
    )
    while not queue.empty():
        yield tracer.get_trace(*args, **kwargs)


__all__ = [
    "config_enumerate",
    "get_importance_trace",
    "iter_discrete_escape",
    "iter_discrete_traces",
]
