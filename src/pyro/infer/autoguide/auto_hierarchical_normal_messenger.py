"""Normals whose means follow those of the priors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import biject_to

from pyro.distributions import constraints
from pyro.infer.autoguide.auto_messenger import MEAN_OR_FEASIBLE, unconstrained_event_dim
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.normal_sites import NormalSites
from pyro.infer.model.initialization import Strategy
from pyro.nn.pyro_module import PyroModule


class AutoHierarchicalNormalMessenger(NormalSites):
    r"""Normals in unconstrained space whose means depend on upstream sites as the priors do.

    At a site with bijection :math:`T` the mean is :math:`l + w\, T^{-1}(E[\text{prior}])`, with the
    prior given the upstream values of the run, and learnable :math:`l`, :math:`w` and scales: the
    posterior of a hierarchical model keeps the dependence of its levels. Only for sites whose
    priors have a mean in their support.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial locations.
    :param init_scale: The initial standard deviation of each unconstrained coordinate.
    :param amortized_plates: Plates over which parameters are shared.
    :param init_weight: The initial :math:`w`.
    :param hierarchical_sites: The names of the sites that depend on others; by default all.

    Example::

        >>> from pyro.infer.autoguide import AutoHierarchicalNormalMessenger
        >>> def model():
        ...     mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        ...     pyro.sample("x", dist.Normal(mu, 1.0))
        >>> guide = AutoHierarchicalNormalMessenger(model)
        >>> drawn = guide()
        >>> trace = poutine.trace(guide).get_trace()
        >>> fn, mu = trace.nodes["x"]["fn"], trace.nodes["mu"]["value"]
        >>> bool(fn.base_dist.loc - guide.locs.x == mu)
        True
    """

    def __init__(
        self,
        model: Model,
        *,
        init_loc_fn: Strategy = MEAN_OR_FEASIBLE,
        init_scale: float = 0.1,
        amortized_plates: tuple[str, ...] = (),
        init_weight: float = 1.0,
        hierarchical_sites: list[str] | None = None,
    ) -> None:
        super().__init__(
            model, init_loc_fn=init_loc_fn, init_scale=init_scale, amortized_plates=amortized_plates
        )
        self._init_weight = init_weight
        self._hierarchical_sites = hierarchical_sites
        self.weights = PyroModule()

    def _loc_scale(self, name: str, prior: Any) -> tuple[Tensor, Tensor]:
        if self._hierarchical_sites is not None and name not in self._hierarchical_sites:
            return self._site_params(name, prior, 0.0)
        transform = biject_to(prior.support)
        mean: Tensor = transform.inv(prior.mean)
        dims = unconstrained_event_dim(prior, transform)

        def start() -> Tensor:
            return torch.full_like(mean, self._init_weight)

        shift = (mean * self._init_weight).detach()
        loc, scale = self._site_params(name, prior, shift)
        weight = self._param("weights", name, start, constraints.real, dims)
        return loc + mean * weight, scale
