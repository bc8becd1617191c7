"""The documented helpers around traces and sites."""

from __future__ import annotations

from collections.abc import Iterator

from pyro.poutine import sites
from pyro.poutine.trace_scoring import enable_validation, is_validation_enabled
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


def site_is_subsample(site: Message) -> bool:
    """Whether the site is the draw of a plate's indices."""
    return sites.is_sample(site) and sites.is_subsample(site)


def site_is_factor(site: Message) -> bool:
    """Whether the site is a ``pyro.factor`` statement."""
    return sites.is_sample(site) and sites.is_factor(site)


def prune_subsample_sites(trace: Trace) -> Trace:
    """A copy of a trace without the sites at which plates draw their indices.

    Example::

        >>> def model():
        ...     with pyro.plate("data", 10, subsample_size=2):
        ...         pyro.sample("x", dist.Normal(0.0, 1.0))
        >>> list(poutine.trace(model).get_trace().nodes)
        ['_INPUT', 'data', 'x', '_RETURN']
        >>> list(prune_subsample_sites(poutine.trace(model).get_trace()).nodes)
        ['_INPUT', 'x', '_RETURN']
    """
    trace = trace.copy()
    for name in [name for name, site in trace.nodes.items() if site_is_subsample(site)]:
        trace.remove_node(name)
    return trace


def discrete_escape(trace: Trace, msg: Message) -> bool:
    """Whether a site is latent, can be enumerated, and is not in the trace."""
    return all_escape(trace, msg) and bool(getattr(msg["fn"], "has_enumerate_support", False))


def all_escape(trace: Trace, msg: Message) -> bool:
    """Whether a site is latent and not in the trace."""
    return sites.is_stochastic(msg) and not sites.is_subsample(msg) and msg["name"] not in trace


def enum_extend(trace: Trace, msg: Message, num_samples: int | None = None) -> Iterator[Trace]:
    """The trace extended by a site, once for each value of the site's support.

    Each extension's ``infer["_enum_total"]`` is the number of values.

    :param num_samples: At most so many values; None or -1 means all.
    """
    support = list(msg["fn"].enumerate_support(*msg["args"], **msg["kwargs"]))
    total = len(support)
    limit = None if num_samples in (None, -1) else num_samples
    for value in support[:limit]:
        site = msg.copy()
        site["infer"] = {**msg["infer"], "_enum_total": total}
        yield _extended(trace, site, value)


def mc_extend(trace: Trace, msg: Message, num_samples: int | None = None) -> Iterator[Trace]:
    """The trace extended by a site, once for each of ``num_samples`` (1) draws."""
    for _ in range(1 if num_samples in (None, -1) else num_samples):
        yield _extended(trace, msg.copy(), msg["fn"](*msg["args"], **msg["kwargs"]))


def _extended(trace: Trace, site: Message, value: object) -> Trace:
    extended = trace.copy()
    site["value"] = value
    site["continuation"] = None
    site["stop"] = False
    extended.record(site["name"], site)
    return extended


__all__ = [
    "all_escape",
    "discrete_escape",
    "enable_validation",
    "enum_extend",
    "is_validation_enabled",
    "mc_extend",
    "prune_subsample_sites",
    "site_is_factor",
    "site_is_subsample",
]
