"""The base of guides that run the model and have a normal law at each site."""

from __future__ import annotations

import threading
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from pyro.distributions.normal import Normal
from pyro.distributions.torch_composite import TransformedDistribution
from pyro.infer.autoguide.auto_messenger import unconstrained_event_dim
from pyro.infer.autoguide.loc_scale_sites import LocScaleSites
from pyro.infer.autoguide.plans import site_transform
from pyro.infer.autoguide.quantiles import Levels, constrained_quantiles
from pyro.infer.model.unconstrained_shape import unconstrained_shape
from pyro.poutine.messenger import block_messengers


class NormalSites(LocScaleSites):
    """At each site a normal law of the unconstrained coordinates, through the site's bijection."""

    @abstractmethod
    def _loc_scale(self, name: str, prior: Any) -> tuple[Tensor, Tensor]:
        """Means and standard deviations of the coordinates of a site."""

    def get_posterior(self, name: str, prior: Any) -> Any:
        """The law of a site; its median while medians are computed."""
        transform = site_transform(name, prior).with_cache()
        loc, scale = self._loc_scale(name, prior)
        wanted: _Quantiles | None = _WANTED.current
        if wanted is not None:
            wanted.values[name] = constrained_quantiles(transform, loc, scale, wanted.levels)
            value: Tensor = transform(loc.expand(unconstrained_shape(transform, prior.shape())))
            return value
        dims = unconstrained_event_dim(prior, transform)
        base = Normal(loc, scale, validate_args=False).to_event(dims)
        return TransformedDistribution(base, transform)

    @torch.no_grad()
    def quantiles(self, quantiles: Levels, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Posterior quantiles of the latent sites, given the medians of upstream sites.

        :param quantiles: Probabilities.
        :return: Tensors whose leftmost dim is that of the probabilities, by name of site.
        """
        self.setup(*args, **kwargs)
        wanted = _Quantiles(quantiles)
        outer, _WANTED.current = _WANTED.current, wanted
        try:
            with block_messengers(lambda handler: True):
                self(*args, **kwargs)
        finally:
            _WANTED.current = outer
        return wanted.values

    @torch.no_grad()
    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Posterior medians of the latent sites, given those of upstream sites."""
        return {k: v.squeeze(0) for k, v in self.quantiles([0.5], *args, **kwargs).items()}


class _Quantiles:
    """What is collected in a run whose sites are at their medians."""

    def __init__(self, levels: Levels) -> None:
        self.levels = levels
        self.values: dict[str, Tensor] = {}


class _Wanted(threading.local):
    current: _Quantiles | None = None


_WANTED = _Wanted()
