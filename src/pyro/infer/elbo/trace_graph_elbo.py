"""The evidence lower bound, with score function gradients by tracked dependencies."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from torch import Tensor

from pyro.infer.baselines import DecayingAverages
from pyro.infer.elbo.draws import estimate_from_draws
from pyro.infer.elbo.elbo import ELBO, Estimate, Traces
from pyro.infer.elbo.scoring import is_pathwise, log_prob, score_parts, scored_sites
from pyro.infer.prototype import Program
from pyro.poutine.messenger import Messenger
from pyro.poutine.provenance import ProvenanceTracker
from pyro.poutine.sites import is_latent
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Frame, Message

Control = dict[str, frozenset[str]]


class TraceGraph_ELBO(ELBO):
    r"""The evidence lower bound, with score function gradients of little variance.

    The value is that of :class:`~pyro.infer.Trace_ELBO`. The gradient of a site that is not
    reparameterised is

    .. math::
        \nabla \log q_k(z_k) \Bigl(\sum_{j \,\text{downstream of}\, k} c_j - b_k\Bigr)

    where the terms :math:`c_j` of the bound are those whose tensors were computed from
    :math:`z_k`, at the same index of the (vectorised) plates around both. What the program
    computes is followed while it runs. A value that decides a branch (``if z:``), or that becomes
    a Python number, counts for all that follows, except for other iterations of a sequential
    plate. Functions compiled beforehand (``torch.jit.script``) cannot be followed: what they
    return counts as constant, so a program should not pass such draws through them.

    Baselines are options of sites, as in :class:`~pyro.infer.Trace_ELBO`.

    See Schulman, Heess, Weber and Abbeel (2015), *Gradient Estimation Using Stochastic Computation
    Graphs*, theorem 1; Mnih and Gregor (2014), *Neural Variational Inference and Learning in Belief
    Networks* (baselines). The parameters are those of :class:`~pyro.infer.elbo.elbo.ELBO`.

    Example::

        >>> from pyro.infer import TraceGraph_ELBO
        >>> def model():
        ...     for i in range(3):
        ...         z = pyro.sample(f"z_{i}", dist.Bernoulli(0.5))
        ...         pyro.sample(f"x_{i}", dist.Normal(z, 1.0), obs=torch.tensor(1.0))
        >>> logits = torch.zeros(3, requires_grad=True)
        >>> def guide():  # the terms of other i are only noise in the gradient of logits[i]
        ...     for i in range(3):
        ...         pyro.sample(f"z_{i}", dist.Bernoulli(logits=logits[i]))
        >>> loss = TraceGraph_ELBO().loss_and_grads(model, guide)
        >>> bool((logits.grad != 0).all())
        True
    """

    @cached_property
    def _averages(self) -> DecayingAverages:
        return DecayingAverages()

    def _get_trace(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Traces:
        tracker = ProvenanceTracker()
        watched = [_Watch(tracker, marks=marks) for marks in (False, True)]
        with tracker:
            traces = super()._get_trace(watched[0](model), watched[1](guide), args, kwargs)
            for trace, watch in zip(traces, watched, strict=True):
                self._link(trace, traces[1], watch)
        return traces

    def _link(self, trace: Trace, guide_trace: Trace, watch: _Watch) -> None:
        """Add an edge from each marked site of the guide to each term that depends on it."""
        for site in scored_sites(trace):
            if trace is guide_trace and not is_pathwise(site):
                score_parts(trace, site, self.max_plate_nesting)
            score = log_prob(trace, site, self.max_plate_nesting)
            sources = watch.tracker.of(score) | watch.tracker.of(site["value"])
            control = watch.control.get(
                site["name"], frozenset()
            )  # none if the model lent the site
            for name in control - sources:
                if not _are_separated(guide_trace.nodes[name], site):
                    sources |= {name}
            for name in sources - {site["name"]}:
                trace.add_edge(name, site["name"])

    def _estimate(self, model_trace: Trace, guide_trace: Trace) -> Estimate:
        nesting = self.max_plate_nesting
        return estimate_from_draws(model_trace, guide_trace, nesting, self._averages, _depends)


class _Watch(Messenger):
    """Mark the draws of a guide that need a score function, and note what decided on a site."""

    def __init__(self, tracker: ProvenanceTracker, *, marks: bool) -> None:
        self.tracker = tracker
        self.control: Control = {}
        self._marks = marks

    def _pyro_post_sample(self, msg: Message) -> None:
        self.control[msg["name"]] = self.tracker.control
        value = msg["value"]
        if self._marks and is_latent(msg) and isinstance(value, Tensor) and not is_pathwise(msg):
            self.tracker.mark(value, msg["name"])


def _depends(trace: Trace, source: str, name: str) -> bool:
    return source == name or name in trace.successors(source)


def _are_separated(first: Message, second: Message) -> bool:
    """Whether two sites are in different iterations of one sequential plate."""
    ours, theirs = _iterations(first["cond_indep_stack"]), _iterations(second["cond_indep_stack"])
    return any(theirs.get(name, i) != i for name, i in ours.items())


def _iterations(stack: tuple[Frame, ...]) -> dict[str, int | None]:
    return {frame.name: frame.counter for frame in stack if not frame.vectorized}
