"""The terms of the log density of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor

from pyro.infer.elbo.model_enumeration import split, sum_out
from pyro.infer.elbo.scoring import scored_sites
from pyro.infer.elbo.together import score_together
from pyro.poutine.trace_scoring import site_log_prob
from pyro.poutine.trace_struct import Trace


def log_terms(trace: Trace, enumerated: bool, max_plate_nesting: int) -> Iterator[Tensor]:
    """The log-probabilities of the sites, or of what is left when some are summed out.

    :param enumerated: whether there are sites to sum over.
    :param max_plate_nesting: the dims of plates; those of enumeration are further left.
    """
    if not enumerated:  # batch dims need not be declared
        return _scores(trace)
    terms, summed = split(trace, max_plate_nesting)
    return (term.tensor for term in [*terms, *sum_out(summed)])


def total(terms: Iterable[Tensor], start: Tensor) -> Tensor:
    """The sum of all elements of all terms, added to ``start``."""
    for term in terms:
        start = start + term.sum()
    return start


def _scores(trace: Trace) -> Iterator[Tensor]:
    """The log-probabilities of all sites, summed where they were scored together."""
    sites = list(scored_sites(trace))
    groups = score_together(sites)
    done = {site["name"] for group in groups for site in group.sites}
    yield from (group.total for group in groups)
    yield from (site_log_prob(trace.nodes, site) for site in sites if site["name"] not in done)
