"""The evidence lower bound with analytic Kullback-Leibler terms."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from pyro.errors import ShapeError
from pyro.infer import validation
from pyro.infer.baselines import DecayingAverages
from pyro.infer.checks import check_scored_site
from pyro.infer.elbo.elbo import ELBO, Estimate
from pyro.infer.elbo.score_function import Term, score_function_surrogate
from pyro.infer.elbo.scoring import difference, is_pathwise, log_prob, score_parts, scored_sites
from pyro.ops.masking import scale_and_mask
from pyro.poutine.sites import is_latent
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


class TraceMeanField_ELBO(ELBO):
    r"""The evidence lower bound, with :math:`KL(q(z_i) \| p(z_i))` computed where it is known.

    .. math:: E_q[\log p(x | z)] - \sum_i E_q[KL(q(z_i | z_{<i}) \| p(z_i | z_{<i}))]

    A latent site gets the analytic term if model and guide are both reparameterised there, have
    the same scale and mask, and a divergence of the pair is registered with
    ``torch.distributions.kl``; otherwise the term is estimated from the draw as in
    :class:`Trace_ELBO`.

    The analytic term is right only if no site of the model depends on a latent site that the
    guide draws later; sites of different order in model and guide are warned about.

    See Kingma and Welling (2014), *Auto-Encoding Variational Bayes*. The parameters are those of
    :class:`ELBO`.

    Example::

        >>> def model():
        ...     pyro.sample("z", dist.Normal(0.0, 1.0))
        >>> def guide():
        ...     pyro.sample("z", dist.Normal(2.0, 1.0))
        >>> TraceMeanField_ELBO().loss(model, guide)  # KL = 2**2 / 2, without noise
        2.0
    """

    @cached_property
    def _averages(self) -> DecayingAverages:
        return DecayingAverages()

    def _check(self, model_trace: Trace, guide_trace: Trace) -> None:
        super()._check(model_trace, guide_trace)
        _check_order(model_trace, guide_trace)

    def _estimate(self, model_trace: Trace, guide_trace: Trace) -> Estimate:
        nesting = self.max_plate_nesting
        plus: list[Tensor] = []
        minus: list[Tensor] = []
        entropies: list[Tensor] = []
        terms: list[Term] = []
        others: list[Message] = []
        analytic: set[str] = set()
        for site in scored_sites(model_trace):
            kl = _analytic_kl(site, guide_trace, nesting)
            if kl is None:
                plus.append(log_prob(model_trace, site, nesting))
                terms.append((site["cond_indep_stack"], plus[-1]))
            else:
                minus.append(kl)
                entropies.append(kl)
                terms.append((site["cond_indep_stack"], -kl))
                analytic.add(site["name"])
        for site in scored_sites(guide_trace):
            if site["name"] in analytic:
                continue
            if is_pathwise(site):
                entropies.append(log_prob(guide_trace, site, nesting))
            else:
                score_parts(guide_trace, site, nesting)
                others.append(site)
                if isinstance(site["score_parts"].entropy_term, Tensor):
                    entropies.append(site["score_parts"].entropy_term)
            minus.append(site["log_prob"])
            terms.append((site["cond_indep_stack"], -site["log_prob"]))
        elbo = difference(plus, minus)
        if not others:
            return Estimate(elbo, elbo)
        scores = score_function_surrogate(others, terms, self._averages)
        return Estimate(elbo, difference(plus, entropies) + scores)


def _analytic_kl(site: Message, guide_trace: Trace, max_plate_nesting: float) -> Tensor | None:
    """The divergence at a latent site, scaled and masked; None where it must be estimated."""
    guided = guide_trace.nodes.get(site["name"])
    if guided is None or site["is_observed"] or guided["is_observed"]:
        return None
    fn, guide_fn = site["fn"], guided["fn"]
    if not (fn.has_rsample and guide_fn.has_rsample and is_pathwise(guided)):
        return None
    if not (_same(site["scale"], guided["scale"]) and _same(site["mask"], guided["mask"])):
        return None
    try:
        kl = kl_divergence(guide_fn, fn)
    except NotImplementedError:
        return None
    result: Tensor = scale_and_mask(kl, guided["scale"], guided["mask"])  # type: ignore[assignment]
    if validation.VALIDATE:
        try:
            check_scored_site(guide_trace, {**site, "log_prob": result}, max_plate_nesting)
        except ShapeError as error:
            raise ShapeError(f"Error while computing the KL divergence {error}") from error
    return result


def _same(ours: Any, theirs: Any) -> bool:
    if ours is theirs:
        return True
    if isinstance(ours, Tensor) and isinstance(theirs, Tensor):
        return ours.shape == theirs.shape and bool(torch.equal(ours, theirs))
    if isinstance(ours, Tensor) or isinstance(theirs, Tensor):
        return False
    return bool(ours == theirs)


def _check_order(model_trace: Trace, guide_trace: Trace) -> None:
    model_order = [n for n, s in model_trace.nodes.items() if is_latent(s)]
    shared = set(model_order)
    guide_order = [n for n, s in guide_trace.nodes.items() if n in shared and is_latent(s)]
    in_guide = set(guide_order)
    if [n for n in model_order if n in in_guide] != guide_order:
        warnings.warn(
            "Failed to verify mean field restriction on the guide. The latent sites have different "
            f"orders: model {model_order}, guide {guide_order}. Sample them in the same order, or "
            "use Trace_ELBO: an analytic KL term is wrong where a site of the model depends on a "
            "site that the guide draws later.",
            UserWarning,
            stacklevel=4,
        )
