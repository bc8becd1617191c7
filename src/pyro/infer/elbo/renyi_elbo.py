"""Rényi's alpha-divergence, and importance weighted bounds."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyro.infer.elbo.elbo import Estimate
from pyro.infer.elbo.weighted_elbo import WeightedELBO
from pyro.infer.elbo.weights import Weights
from pyro.infer.errors import InferenceError


class RenyiELBO(WeightedELBO):
    r"""The variational Rényi bound, estimated from K weighted particles.

    .. math::
        E \frac{1}{1 - \alpha} \log \frac{1}{K} \sum_{k=1}^K w_k^{1 - \alpha}, \qquad
        w_k = \frac{p(x, z_k)}{q(z_k)}

    With ``alpha=0`` it is the importance weighted bound, which is at least the evidence lower bound
    and grows with the number of particles towards the log evidence. Reparameterised sites get
    pathwise gradients; all others the score function estimator, with the estimate that the other
    particles make as the baseline of a particle.

    Sites in subsampled plates bias the bound, since it is not linear in the log-densities.

    See Li and Turner (2016), *Rényi Divergence Variational Inference*; Burda, Grosse and
    Salakhutdinov (2016), *Importance Weighted Autoencoders*; Mnih and Rezende (2016), *Variational
    Inference for Monte Carlo Objectives* (the baseline).

    :param alpha: The order of the divergence, any number but 1.
    :param num_particles: How many particles a bound is made of.
    :param max_plate_nesting: The number of batch dims that plates may take; found out by default.
    :param max_iarange_nesting: The deprecated name of ``max_plate_nesting``.
    :param vectorize_particles: Run all particles at once.
    :param strict_enumeration_warning: Accepted as by other objectives.
    :raises InferenceError: if ``alpha`` is 1, or not finite.

    Example::

        >>> from pyro.infer import RenyiELBO
        >>> def model(x):
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     pyro.sample("x", dist.Normal(z, 1.0), obs=x)
        >>> def guide(x):  # the posterior: all weights are equal
        ...     pyro.sample("z", dist.Normal(x / 2, 0.5**0.5))
        >>> loss = RenyiELBO(num_particles=3).loss(model, guide, torch.tensor(2.0))
        >>> print(f"{loss:.4f}")  # minus the log evidence, 1 + log(4 pi) / 2
        2.2655
    """

    def __init__(
        self,
        alpha: float = 0,
        num_particles: int = 2,
        max_plate_nesting: float = math.inf,
        max_iarange_nesting: int | None = None,
        vectorize_particles: bool = False,
        strict_enumeration_warning: bool = True,
    ) -> None:
        if alpha == 1:
            raise InferenceError(
                "RenyiELBO: alpha must not be 1. The limit is the evidence lower bound itself: use "
                "Trace_ELBO, whose gradients have less variance."
            )
        if not math.isfinite(alpha):
            raise InferenceError(f"RenyiELBO: alpha must be a finite number, but got {alpha!r}")
        super().__init__(
            num_particles=num_particles,
            max_plate_nesting=max_plate_nesting,
            max_iarange_nesting=max_iarange_nesting,
            vectorize_particles=vectorize_particles,
            strict_enumeration_warning=strict_enumeration_warning,
        )
        self.alpha = alpha

    def _combine(self, weights: Weights) -> Estimate:
        order = 1.0 - self.alpha
        powers = order * weights.log_w
        bound = (powers.logsumexp(-1) - math.log(len(powers))) / order
        if weights.scores is None:
            return Estimate(bound, bound)
        advantage = bound.detach() - _without_each(powers.detach()) / order
        return Estimate(bound, bound + (weights.scores * advantage).sum())


def _without_each(powers: Tensor) -> Tensor:
    """The log of the mean of the others' exponentials, for each; zero where that tells nothing."""
    count = len(powers)
    if count == 1:
        return torch.zeros_like(powers)
    own = torch.eye(count, dtype=torch.bool, device=powers.device)
    others = powers.expand(count, count).masked_fill(own, -math.inf)
    result = others.logsumexp(-1) - math.log(count - 1)
    return torch.where(result.isfinite(), result, 0.0)
