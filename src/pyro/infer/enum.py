"""Pairs of traces for objectives, and the marking of sites to enumerate."""

from __future__ import annotations

from typing import Any

from pyro.infer import validation
from pyro.infer.checks import check_model_guide_match, check_site_shape
from pyro.infer.config_enumerate import config_enumerate
from pyro.infer.prototype import Program
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.poutine.util import prune_subsample_sites


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
    model_trace, guide_trace = map(prune_subsample_sites, (model_trace, guide_trace))
    model_trace.compute_log_prob()
    guide_trace.compute_score_parts()
    if validation.VALIDATE:
        for trace in (model_trace, guide_trace):
            for site in trace.nodes.values():
                if site["type"] == "sample" and not is_subsample(site):
                    check_site_shape(site, max_plate_nesting)
    return model_trace, guide_trace


__all__ = ["config_enumerate", "get_importance_trace"]
