"""Where a loss that is not finite comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pyro.infer.not_finite import report
from pyro.params.param_store import PARAM_STORE
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


def warn_not_finite(loss: float, model_trace: Trace, guide_trace: Trace) -> None:
    """Warn that the loss is nan or infinite, naming the first site and all parameters at fault.

    :raises NonFiniteError: instead, inside of a run that stops at such a loss.
    """
    found = [
        *(describe("the guide", trace_site) for trace_site in _bad_sites(guide_trace)),
        *(describe("the model", trace_site) for trace_site in _bad_sites(model_trace)),
    ]
    where = f" The first log_prob that is not finite: {found[0]}." if found else ""
    params = [name for name in _params(model_trace, guide_trace) if _is_bad(name)]
    if params:
        where += (
            f" The parameters {', '.join(map(repr, params))} are not finite themselves: an earlier "
            "update made them so; try a smaller learning rate or gradient clipping."
        )
    kind = "NaN" if math.isnan(loss) else "infinity"
    report(f"Encountered {kind}: loss.{where}", 4)


def first_not_finite(pairs: Sequence[tuple[Trace, Trace]]) -> tuple[Trace, Trace]:
    """The first pair of traces that has a site whose log_prob is not finite; else the first."""
    for pair in pairs if len(pairs) > 1 else ():
        if any(True for trace in pair for _ in _bad_sites(trace)):
            return pair
    return pairs[0]


def describe(program: str, site: Message) -> str:
    """A site of a program, with the first entry that is not finite and the value there."""
    log_prob = site["log_prob"].detach()
    bad = (~log_prob.isfinite()).nonzero()
    index = tuple(bad[0].tolist())
    value = site["value"]
    shape = getattr(value, "shape", ())
    shown = value[index] if index and shape[: len(index)] == log_prob.shape else value
    return (
        f"site '{site['name']}' of {program}, {len(bad)} of {log_prob.numel()} elements of "
        f"{type(site['fn']).__name__}.log_prob; the first is {log_prob[index].item()} at index "
        f"{index}, where the value is {shown}"
    )


def _bad_sites(trace: Trace) -> Iterator[Message]:
    for site in trace.nodes.values():
        log_prob = site.get("log_prob")
        if log_prob is not None and not bool(log_prob.isfinite().all()):
            yield site


def _params(*traces: Trace) -> dict[str, None]:
    return {
        name: None
        for trace in traces
        for name, site in trace.nodes.items()
        if site["type"] == "param"
    }


def _is_bad(name: str) -> bool:
    return name in PARAM_STORE and not bool(PARAM_STORE.unconstrained(name).isfinite().all())
