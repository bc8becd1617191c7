"""The objective of stochastic variational inference."""

from __future__ import annotations

from functools import cached_property

from pyro.infer.baselines import DecayingAverages
from pyro.infer.elbo.draws import estimate_from_draws
from pyro.infer.elbo.elbo import ELBO, Estimate
from pyro.poutine.trace_struct import Trace


class Trace_ELBO(ELBO):
    r"""The evidence lower bound :math:`E_q[\log p(x, z) - \log q(z)]`, estimated from draws.

    Sites that are reparameterised get pathwise gradients; others the score function estimator, in
    which the cost of a site is restricted to what is in the same slice of the (vectorised) plates
    around it. Baselines for the latter are given as ``infer={"baseline": {...}}`` of a site of the
    guide, with any of ``use_decaying_avg_baseline``, ``baseline_beta``, ``nn_baseline``,
    ``nn_baseline_input``, ``baseline_value``; the averages belong to this instance.

    See Kingma and Welling (2014), *Auto-Encoding Variational Bayes*; Ranganath, Gerrish and Blei
    (2014), *Black Box Variational Inference*. The parameters are those of :class:`ELBO`.

    Example::

        >>> def model(x):
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     pyro.sample("x", dist.Normal(z, 1.0), obs=x)
        >>> def guide(x):  # the posterior
        ...     pyro.sample("z", dist.Normal(x / 2, 0.5**0.5))
        >>> loss = Trace_ELBO().loss(model, guide, torch.tensor(2.0))
        >>> print(f"{loss:.4f}")  # minus the log evidence, 1 + log(4 pi) / 2
        2.2655
    """

    @cached_property
    def _averages(self) -> DecayingAverages:
        return DecayingAverages()

    def _estimate(self, model_trace: Trace, guide_trace: Trace) -> Estimate:
        nesting = self.max_plate_nesting
        return estimate_from_draws(model_trace, guide_trace, nesting, self._averages)
