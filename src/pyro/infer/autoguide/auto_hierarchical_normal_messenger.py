"""Normals whose means follow those of the priors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyro.distributions import constraints
from pyro.errors import SiteError
from pyro.infer.autoguide.auto_messenger import MEAN_OR_FEASIBLE, unconstrained_event_dim
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.normal_sites import NormalSites
from pyro.infer.autoguide.plans import site_transform
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
    :raises SiteError: in the first call, if the prior of such a site has no mean in its support.

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
            return self._site_params(name, prior, lambda initial: initial)
        transform = site_transform(name, prior)
        mean = _mean_coordinates(name, prior, transform)
        dims = unconstrained_event_dim(prior, transform)

        def start() -> Tensor:
            if not bool(mean.isfinite().all()):
                raise _without_mean(name, prior)
            return torch.full_like(mean, self._init_weight)

        shift = (mean * self._init_weight).detach()
        weight = self._param("weights", name, start, constraints.real, dims)
        loc, scale = self._site_params(name, prior, lambda initial: initial - shift)
        return loc + mean * weight, scale


def _mean_coordinates(name: str, prior: Any, transform: Any) -> Tensor:
    """The unconstrained coordinates of the mean of a prior."""
    try:
        mean: Tensor = transform.inv(prior.mean)
    except NotImplementedError as error:
        raise _without_mean(name, prior) from error
    return mean


def _without_mean(name: str, prior: Any) -> SiteError:
    return SiteError(
        f"AutoHierarchicalNormalMessenger: the prior of site {name!r}, {prior}, has no (finite, "
        "known) mean inside of its support, around which the guide would be centred. Leave the "
        "site out: hierarchical_sites=[...] names those that follow the means of their priors."
    )
