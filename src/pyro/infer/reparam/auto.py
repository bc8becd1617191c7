"""The reparameterisers that usually help."""

from __future__ import annotations

from typing import Any

import torch.distributions as td

from pyro.distributions.torch_multivariate import RelaxedOneHotCategorical
from pyro.infer.reparam.loc_scale import LocScaleReparam
from pyro.infer.reparam.loc_scale_families import loc_scale_params
from pyro.infer.reparam.minimal import minimal_choice
from pyro.infer.reparam.rewriting import peel
from pyro.infer.reparam.softmax import GumbelSoftmaxReparam
from pyro.infer.reparam.strategy import Strategy
from pyro.infer.reparam.transform import TransformReparam
from pyro.poutine.reparam_messenger import Reparam, rewriting
from pyro.runtime import Message


class AutoReparam(Strategy):
    """Reparameterise all that usually profits from it.

    What :class:`MinimalReparam` does; GumbelSoftmaxReparam; TransformReparam where all transforms
    are bijections; LocScaleReparam where location and scale are not fixed at 0 and 1. Auxiliary
    sites are looked at in turn: a LogNormal becomes ``x_base``, and that ``x_base_decentered``.
    Later versions may choose otherwise: to keep a choice, keep ``config``.

    :param centered: For LocScaleReparam: None to learn it, 0 to decenter, as for MCMC.
    :raises ValueError: if ``centered`` is not in [0, 1].

    Example::

        >>> from pyro.infer.reparam.strategies import AutoReparam
        >>> strategy = AutoReparam(centered=0.0)
        >>> @strategy
        ... def model():
        ...     tau = pyro.sample("tau", dist.LogNormal(0.0, 1.0))
        ...     pyro.sample("theta", dist.Normal(0.0, tau))
        >>> poutine.trace(model).get_trace().stochastic_nodes
        ['tau_base', 'theta_decentered']
    """

    def __init__(self, centered: float | None = None) -> None:
        if centered is not None and not 0 <= centered <= 1:
            raise ValueError(f"AutoReparam: centered must be in [0, 1], got {centered}")
        super().__init__()
        self.centered = centered

    def configure(self, msg: Message) -> Reparam | None:
        """By the family of the site, and whether it is latent."""
        found = minimal_choice(msg)
        if found is not None or msg["is_observed"]:
            return found
        fn = peel(msg["fn"]).core
        if isinstance(fn, RelaxedOneHotCategorical):
            return GumbelSoftmaxReparam()
        if loc_scale_params(fn) is not None:
            return None if self._is_done(fn) else LocScaleReparam(centered=self.centered)
        if isinstance(fn, td.TransformedDistribution):
            return TransformReparam() if all(t.bijective for t in fn.transforms) else None
        return None

    def _is_done(self, fn: Any) -> bool:
        """Whether a site has been written this way already, or is standard."""
        if self.centered == 1:
            return True
        if any(isinstance(rewriter, LocScaleReparam) for _, rewriter in rewriting()):
            return True
        fixed = not (fn.loc.requires_grad or fn.scale.requires_grad)
        return fixed and bool((fn.loc == 0).all() and (fn.scale == 1).all())
