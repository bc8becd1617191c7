"""The evidence lower bound with discrete sites summed over."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.infer import validation
from pyro.infer.checks import check_model_guide_match
from pyro.infer.elbo.elbo import ELBO, Estimate, InPlate, Traces
from pyro.infer.elbo.guide_expectation import GuideExpectation
from pyro.infer.elbo.model_enumeration import split, sum_out
from pyro.infer.enum import iter_discrete_traces
from pyro.infer.enumerated_posterior import EnumeratedPosterior
from pyro.infer.lent_sites import lend_auxiliary_sites
from pyro.infer.prototype import Program
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace


class TraceEnum_ELBO(ELBO):
    r"""The evidence lower bound, with the sites that ask for it summed over exactly.

    Sites of the guide with ``infer={"enumerate": "parallel"}`` get all their values along a dim of
    their own, those with ``"sequential"`` one after the other; the expectation over them is exact.
    Sites that the model alone has, with ``"parallel"``, are marginalised: the objective is
    :math:`E_q[\log \sum_x p(x, z) - \log q(z)]`. What is sampled gets pathwise gradients or, if it
    is not reparameterised, score function gradients by Dice (Foerster et al. 2018).

    The sums are done by tensor variable elimination (Obermeyer et al. 2019), at a cost that is
    linear in the length of a chain whose steps are declared by :func:`pyro.markov`. In a plate a
    site is summed over at each index; nothing outside of the plate may depend on it.

    The parameters are those of :class:`ELBO`. ``max_plate_nesting`` is found out when it is not
    given: enumeration takes the batch dims to its left.

    :raises SiteError: if an enumerated site is used outside of its plate, plates cross, or the
        sites of one sum have different scales.

    Example::

        >>> from pyro.infer import TraceEnum_ELBO, config_enumerate
        >>> @config_enumerate
        ... def model(x):
        ...     weights = torch.tensor([0.25, 0.75])
        ...     with pyro.plate("data", 2):
        ...         k = pyro.sample("k", dist.Categorical(weights))
        ...         pyro.sample("x", dist.Normal(torch.tensor([-1.0, 1.0])[k], 1.0), obs=x)
        >>> x = torch.tensor([-1.0, 2.0])
        >>> loss = TraceEnum_ELBO().loss(model, lambda x: None, x)
        >>> mixture = [0.25 * dist.Normal(-1.0, 1.0).log_prob(x).exp()]
        >>> mixture += [0.75 * dist.Normal(1.0, 1.0).log_prob(x).exp()]
        >>> bool(abs(loss + sum(mixture).log().sum()) < 1e-5)
        True
    """

    def _estimates(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[tuple[Estimate, float]]:
        self.prepare(model, guide, *args, **kwargs)
        dim = self._particle_dim
        if dim is not None:
            in_plate = InPlate(self.num_particles, dim)
            model, guide = in_plate(model), in_plate(guide)
        for _ in range(1 if self._in_one_run else self.num_particles):
            yield self._sum_of_branches(model, guide, args, kwargs)

    @property
    def _must_look(self) -> bool:
        return not self._nesting_is_given

    def _sum_of_branches(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Estimate, float]:
        """One estimate: the sum over all sequential choices of the guide."""
        total: Any = None
        value = 0.0
        for traces in self._enumerated_traces(model, guide, args, kwargs):
            estimate = self._estimate(*traces)
            value += self._value(estimate, traces)
            total = estimate.elbo if total is None else total + estimate.elbo
        return Estimate(total, total), value

    def _enumerated_traces(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Traces]:
        """Pairs of traces, one for each sequence of the guide's sequential choices."""
        first = -1 - int(self.max_plate_nesting)
        guide = EnumMessenger(first_available_dim=first)(guide)
        model = EnumMessenger()(model)
        asked = False
        for guide_trace in iter_discrete_traces("flat", guide, *args, **kwargs):
            with TraceMessenger() as modelled, ReplayMessenger(guide_trace):
                model(*args, **kwargs)
            if validation.VALIDATE:
                check_model_guide_match(modelled.trace, guide_trace, self.max_plate_nesting)
                asked = asked or _is_enumerated(modelled.trace, guide_trace)
            lend_auxiliary_sites(modelled.trace, guide_trace)
            yield modelled.trace, guide_trace
        if validation.VALIDATE and self.strict_enumeration_warning and not asked:
            warnings.warn(
                f"{type(self).__name__} found no sample sites configured for enumeration. If you "
                "want to enumerate sites, use @config_enumerate or set "
                'infer={"enumerate": "parallel"} at the sites; otherwise use Trace_ELBO.',
                UserWarning,
                stacklevel=4,
            )

    def _estimate(self, model_trace: Trace, guide_trace: Trace) -> Estimate:
        nesting = int(self.max_plate_nesting)
        expectation = GuideExpectation(guide_trace, nesting)
        terms, enumerated = split(model_trace, nesting, expectation.sites)
        elbo = expectation.of([*terms, *sum_out(enumerated), *expectation.costs])
        return Estimate(elbo, elbo)

    def compute_marginals(
        self, model: Program, guide: Program, *args: Any, **kwargs: Any
    ) -> dict[str, TorchDistribution]:
        """The exact marginals of all sites that the model enumerates, by name, given one draw
        of the guide.

        :raises NotImplementedError: with several particles, or if the guide enumerates.
        """
        return self._posterior("compute_marginals", model, guide, args, kwargs).marginals()

    def sample_posterior(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> Any:
        """What the model returns with all sites that it enumerates drawn from their joint
        posterior, given one draw of the guide.

        :raises NotImplementedError: with several particles, or if the guide enumerates.
        """
        posterior = self._posterior("sample_posterior", model, guide, args, kwargs)
        with ReplayMessenger(posterior.sample()):
            return model(*args, **kwargs)

    def _posterior(
        self,
        method: str,
        model: Program,
        guide: Program,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> EnumeratedPosterior:
        if self.num_particles != 1:
            raise NotImplementedError(
                f"{method} needs num_particles=1, but it is {self.num_particles}"
            )
        self.prepare(model, guide, *args, **kwargs)
        with torch.no_grad():
            traces = list(self._enumerated_traces(model, guide, args, kwargs))
        if len(traces) > 1 or _is_enumerated(traces[0][1]):
            raise NotImplementedError(
                f"{method} does not sum over the guide: sample its sites, or enumerate them in "
                "the model"
            )
        return EnumeratedPosterior(traces[0][0], int(self.max_plate_nesting))


def _is_enumerated(*traces: Trace) -> bool:
    return any(
        "_enumerate_dim" in site["infer"] or "_enum_total" in site["infer"]
        for trace in traces
        for site in trace.nodes.values()
        if site["type"] == "sample"
    )
