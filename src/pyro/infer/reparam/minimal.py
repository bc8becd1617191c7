"""The reparameterisers without which likelihoods are unknown or hard."""

from __future__ import annotations

from typing import Any

from pyro.distributions.independent_hmm import IndependentHMM
from pyro.distributions.linear_hmm import LinearHMM
from pyro.distributions.projected_normal import ProjectedNormal
from pyro.distributions.stable import Stable
from pyro.distributions.stable_with_log_prob import StableWithLogProb
from pyro.distributions.torch_real import StudentT
from pyro.infer.reparam.hmm import LinearHMMReparam
from pyro.infer.reparam.projected_normal import ProjectedNormalReparam
from pyro.infer.reparam.rewriting import peel
from pyro.infer.reparam.stable import LatentStableReparam, StableReparam, SymmetricStableReparam
from pyro.infer.reparam.strategy import Strategy
from pyro.infer.reparam.studentt import StudentTReparam
from pyro.poutine.reparam_messenger import Reparam
from pyro.runtime import Message


class MinimalReparam(Strategy):
    """Reparameterise only what needs it: Stable, ProjectedNormal and LinearHMM.

    A StableWithLogProb is left alone.

    Example::

        >>> from pyro.infer.reparam.strategies import MinimalReparam
        >>> @MinimalReparam()
        ... def model(data):
        ...     loc = pyro.sample("loc", dist.Stable(1.5, 0.3))
        ...     with pyro.plate("data", len(data)):
        ...         pyro.sample("x", dist.Stable(1.5, 0.0, 1.0, loc), obs=data)
        >>> names = poutine.trace(model).get_trace(torch.randn(3)).stochastic_nodes
        >>> [name for name in names if name != "data"]
        ['loc_uniform', 'loc_exponential', 'x_uniform', 'x_exponential']
    """

    def configure(self, msg: Message) -> Reparam | None:
        """By the family of the site."""
        return minimal_choice(msg)


def minimal_choice(msg: Message) -> Reparam | None:
    """The reparameteriser that a site needs, or None."""
    fn, observed = peel(msg["fn"]).core, msg["is_observed"]
    if isinstance(fn, ProjectedNormal):
        return None if observed else ProjectedNormalReparam()
    if isinstance(fn, IndependentHMM):
        fn = fn.base_dist
    if isinstance(fn, LinearHMM):
        parts = (fn.initial_dist, fn.transition_dist, fn.observation_dist)
        return LinearHMMReparam(*map(_for_noise, parts))
    if isinstance(fn, Stable) and not isinstance(fn, StableWithLogProb):
        return _for_noise(fn) if observed else LatentStableReparam()
    return None


def _for_noise(noise: Any) -> Reparam | None:
    """What makes a law conditionally normal."""
    fn = peel(noise).core
    if isinstance(fn, StudentT):
        return StudentTReparam()
    if isinstance(fn, Stable):
        symmetric = bool((fn.skew == 0).all()) and not fn.skew.requires_grad
        return SymmetricStableReparam() if symmetric else StableReparam()
    return None
