"""Auxiliary sites of a model that stand for the guide."""

from __future__ import annotations

from pyro.poutine.sites import is_auxiliary, is_latent
from pyro.poutine.trace_struct import Trace


def lend_auxiliary_sites(model_trace: Trace, guide_trace: Trace) -> None:
    """Count the auxiliary draws that the model made, and the guide lacks, as the guide's.

    Their law is then part of both, and cancels: the variational distribution is that of the guide
    times theirs. ``ConjugateReparam`` makes such sites.

    Example::

        >>> from pyro.infer.lent_sites import lend_auxiliary_sites
        >>> def model():
        ...     pyro.sample("x", dist.Normal(0.0, 1.0), infer={"is_auxiliary": True})
        >>> modelled, guided = poutine.trace(model).get_trace(), poutine.Trace()
        >>> lend_auxiliary_sites(modelled, guided)
        >>> guided.stochastic_nodes
        ['x']
    """
    for name, site in model_trace.nodes.items():
        if site["type"] != "sample" or not is_auxiliary(site) or name in guide_trace.nodes:
            continue
        if is_latent(site):
            guide_trace.record(name, site.copy())
