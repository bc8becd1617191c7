"""The objective of tensor Monte Carlo."""

from __future__ import annotations

from pyro.infer.elbo.elbo import Estimate
from pyro.infer.elbo.factors import Factor, scored, unmasked, variable_of
from pyro.infer.elbo.guide_expectation import GuideExpectation
from pyro.infer.elbo.model_enumeration import Enumerated, importance, split, sum_out
from pyro.infer.elbo.proposals import dice, is_drawn
from pyro.infer.elbo.scoring import scored_sites
from pyro.infer.elbo.trace_enum_elbo import TraceEnum_ELBO
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message


class TraceTMC_ELBO(TraceEnum_ELBO):
    r"""A bound that averages over all combinations of several draws of each site.

    Sites with ``infer={"enumerate": "parallel", "num_samples": K}`` get K values, in the guide or,
    if the guide lacks them, in the model. With n such sites the objective is

    .. math:: E\left[\log \frac{1}{K^n} \sum_{k_1, \ldots, k_n}
        \frac{p(x, z_1^{k_1}, \ldots, z_n^{k_n})}{\prod_i q_i(z_i^{k_i})}\right] \le \log p(x),

    which variable elimination sums up at a cost far below :math:`K^n` terms. A site that depends on
    another one is drawn given one of that one's values each, and :math:`q_i` is the mixture over
    them. Sites whose support is enumerated are summed out exactly, in the guide as in the model.
    Gradients of draws that are not reparameterised come by DiCE inside of the sum: they are those
    of an unbiased estimate of the sum.

    See Aitchison (2019), *Tensor Monte Carlo: Particle Methods for the GPU Era*. The parameters are
    those of :class:`~pyro.infer.elbo.elbo.ELBO`.

    Example::

        >>> from pyro.infer import TraceTMC_ELBO, config_enumerate
        >>> @config_enumerate(num_samples=200)
        ... def model():
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", 2):
        ...         w = pyro.sample("w", dist.Normal(z, 1.0))
        ...         pyro.sample("x", dist.Normal(w, 1.0), obs=torch.tensor([0.5, 1.0]))
        >>> loss = TraceTMC_ELBO().loss(model, lambda: None)
        >>> bool(abs(loss - 3.0495) < 0.5)  # minus the log evidence
        True
    """

    def _estimate(self, model_trace: Trace, guide_trace: Trace) -> Estimate:
        nesting = int(self.max_plate_nesting)
        proposed: set[int] = set()
        weights: list[Factor] = []
        drawn_once: list[Message] = []
        for site in scored_sites(guide_trace):
            number = variable_of(site)
            if "_enum_total" in site["infer"]:
                raise NotImplementedError(
                    f'site "{site["name"]}": TraceTMC_ELBO has no sequential enumeration'
                )
            if number is None:
                factor = scored(guide_trace, site, nesting)
                if factor.variables:
                    log_q = unmasked(site)
                    weights.append(factor._replace(tensor=dice(site, log_q) - factor.tensor))
                else:
                    drawn_once.append(site)
                continue
            scored(guide_trace, site, nesting)
            proposed.add(number)
            if is_drawn(site):
                weights.append(importance(site, number, nesting))
        expectation = GuideExpectation(guide_trace, nesting, drawn_once)
        terms, enumerated = split(model_trace, nesting, proposed=proposed)
        joined = Enumerated([*enumerated.factors, *weights], *enumerated[1:])
        elbo = expectation.of([*terms, *sum_out(joined), *expectation.costs])
        return Estimate(elbo, elbo)
