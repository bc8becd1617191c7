"""The tail-adaptive f-divergence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyro.infer.elbo.elbo import Estimate, Traces
from pyro.infer.elbo.scoring import is_pathwise, scored_sites
from pyro.infer.elbo.weighted_elbo import WeightedELBO
from pyro.infer.elbo.weights import Weights
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import Program
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_scoring import site_log_prob
from pyro.poutine.trace_struct import Trace


class TraceTailAdaptive_ELBO(WeightedELBO):
    r"""Variational inference with an f-divergence that adapts to the tail of the weights.

    The gradient is a mean over particles :math:`z_k = g_\phi(\epsilon_k)`, in which each counts by
    the rank of its weight :math:`w_k = p(x, z_k) / q_\phi(z_k)`:

    .. math::
        \sum_k \frac{\rho_k}{\sum_j \rho_j} \, \nabla_\phi g_\phi(\epsilon_k) \,
        \nabla_z \log \frac{p(x, z_k)}{q_\phi(z_k)}, \qquad
        \rho_k = \Bigl(\frac{1}{K} \sum_j [w_j \ge w_k]\Bigr)^\beta

    Parameters of the model get the same mean of :math:`\nabla_\theta \log p_\theta(x, z_k)`. Only
    the path through the draws counts, as in the source; the gradient of :math:`\log q_\phi` at a
    fixed draw, whose weighted mean is not zero, is taken out by a second run of the guide. With
    :math:`\beta = 0` it is the gradient of the evidence lower bound.

    The divergence itself is not estimated: the loss is minus the evidence lower bound.

    All sites of the guide must be reparameterised, and plates must not be subsampled.

    See Wang, Liu and Liu (2018), *Variational Inference with Tail-adaptive f-Divergence*,
    proposition 3.1 and algorithm 1.

    The parameters are those of :class:`~pyro.infer.elbo.elbo.ELBO`; ``num_particles`` is at least 2
    and ``tail_adaptive_beta`` is :math:`\beta`.

    :raises InferenceError: with one particle, or a guide site that is not reparameterised.

    Example::

        >>> from pyro.infer import SVI, TraceTailAdaptive_ELBO
        >>> def model():
        ...     pyro.sample("z", dist.Normal(3.0, 1.0))
        >>> def guide():
        ...     pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0))
        >>> loss = TraceTailAdaptive_ELBO(num_particles=20, vectorize_particles=True)
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), loss)
        >>> losses = [svi.step() for _ in range(200)]
        >>> abs(pyro.param("loc").item() - 3.0) < 0.1  # no noise is left at the optimum
        True
    """

    def _get_trace(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Traces:
        model_trace, guide_trace = super()._get_trace(model, guide, args, kwargs)
        fixed = _detached(guide_trace)
        with TraceMessenger() as again, ReplayMessenger(fixed):
            guide(*args, **kwargs)
        for site in scored_sites(guide_trace):
            if not is_pathwise(site):
                raise InferenceError(
                    f"TraceTailAdaptive_ELBO: site '{site['name']}' of the guide is not "
                    "reparameterised; use RenyiELBO, which also has score function gradients"
                )
            direct = site_log_prob(again.trace.nodes, again.trace.nodes[site["name"]])
            score = site_log_prob(guide_trace.nodes, site)
            site["log_prob"] = score - (direct - direct.detach())
        return model_trace, guide_trace

    def _combine(self, weights: Weights) -> Estimate:
        if self.num_particles < 2:
            raise InferenceError(
                "TraceTailAdaptive_ELBO ranks the weights of particles: num_particles must be at "
                f"least 2, but is {self.num_particles}"
            )
        log_w = weights.log_w
        rho = _tail_mass(log_w.detach()) ** self.tail_adaptive_beta
        return Estimate(log_w.mean().detach(), (rho / rho.sum() * log_w).sum())


def _tail_mass(log_w: Tensor) -> Tensor:
    """The share of the weights that are at least as large, for each."""
    ranked = log_w.sort().values
    below = torch.searchsorted(ranked, log_w)
    return (len(log_w) - below).to(log_w) / len(log_w)


def _detached(trace: Trace) -> Trace:
    result = trace.copy()
    for name, site in result.nodes.items():
        if site["type"] == "sample":
            result.nodes[name] = site.copy()
    result.detach_()
    return result
