"""The evidence lower bound from the draws of one pair of traces."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from pyro.infer.baselines import DecayingAverages
from pyro.infer.elbo.elbo import Estimate
from pyro.infer.elbo.score_function import Term, score_function_surrogate
from pyro.infer.elbo.scoring import difference, is_pathwise, log_prob, score_parts, scored_sites
from pyro.infer.elbo.together import score_together
from pyro.ops.stacking import Rows
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message

Depends = Callable[[Trace, str, str], bool]


def estimate_from_draws(
    model_trace: Trace,
    guide_trace: Trace,
    max_plate_nesting: float,
    averages: DecayingAverages,
    depends: Depends | None = None,
) -> Estimate:
    """Pathwise gradients where they exist, and the score function estimator elsewhere.

    :param depends: Whether the term of a site (the last argument) of a trace may depend on the
        value of a guide's site; without it plates alone decide.
    """
    sites, rows = list(scored_sites(model_trace)), Rows()
    for together in score_together(sites):
        together.fill(rows)
    modelled = [(s, log_prob(model_trace, s, max_plate_nesting)) for s in sites]
    plus = [score for _, score in modelled]
    sampled: list[tuple[Message, Tensor]] = []
    entropies: list[Tensor] = []
    others: list[Message] = []
    for site in scored_sites(guide_trace):
        if is_pathwise(site):
            entropies.append(log_prob(guide_trace, site, max_plate_nesting))
            sampled.append((site, entropies[-1]))
            continue
        score_parts(guide_trace, site, max_plate_nesting)
        sampled.append((site, site["log_prob"]))
        others.append(site)
        if isinstance(site["score_parts"].entropy_term, Tensor):
            entropies.append(site["score_parts"].entropy_term)
    elbo = difference(plus, [score for _, score in sampled], rows)
    if not others:
        return Estimate(elbo, elbo)

    def terms(name: str | None = None) -> list[Term]:
        """The terms of the bound; those that depend on a site, if one is named."""
        return [
            (site["cond_indep_stack"], score if trace is model_trace else -score)
            for trace, scored in ((model_trace, modelled), (guide_trace, sampled))
            for site, score in scored
            if depends is None or name is None or depends(trace, name, site["name"])
        ]

    if depends is None:
        scores = score_function_surrogate(others, terms(), averages)
    else:
        parts = [score_function_surrogate([s], terms(s["name"]), averages) for s in others]
        scores = sum(parts[1:], parts[0])
    return Estimate(elbo, difference(plus, entropies, rows) + scores)
