"""What a guide needs to know of the latent sites at each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributions import biject_to

from pyro.distributions.delta import Delta
from pyro.errors import SiteError
from pyro.infer.autoguide.paths import attribute_paths
from pyro.infer.model.latents import ADVICE
from pyro.infer.model.unconstrain import log_det
from pyro.primitives.sample import sample
from pyro.runtime import Message, get_mask

Point = tuple[Tensor, Tensor | float]


class SitePlan(NamedTuple):
    """One latent site: ``path`` is where its parameters are, see :func:`attribute_paths`."""

    name: str
    site: Message
    transform: Any
    event_dim: int
    unconstrained_event_dim: int
    path: str

    def unconstrained(self) -> Tensor:
        """The coordinates of the initial value.

        :raises SiteError: if it has none that are finite.
        """
        value: Tensor = self.site["value"]
        with torch.no_grad():
            result: Tensor = self.transform.inv(value.detach())
        if not bool(torch.isfinite(result).all()):
            raise SiteError(
                f"at site {self.name!r}, the initial value {value.flatten()[:8].tolist()} lies on "
                f"the boundary of the support {self.site['fn'].support}; choose another init_loc_fn"
            )
        return result

    def value(self, unconstrained: Tensor, densities: bool = True) -> Point:
        """The value, and minus the log determinant of the transform if it is wanted."""
        value: Tensor = self.transform(unconstrained)
        if not densities or value is unconstrained:
            return value, 0.0
        return value, -log_det(self.transform, unconstrained, value, self.event_dim)

    def emit(self, point: Point) -> Tensor:
        """The statement of the site itself: a point mass at the value, with a log density."""
        value, log_density = point
        fn = Delta(value, log_density, event_dim=self.event_dim, validate_args=False)
        result: Tensor = sample(self.name, fn)
        return result


def plan_sites(sites: Mapping[str, Message]) -> tuple[SitePlan, ...]:
    """The plans of all latent sites of a prototype.

    :raises SiteError: if one is discrete, or has no bijection.
    """
    paths = attribute_paths(sites)
    plans = []
    for name, site in sites.items():
        transform = site_transform(name, site["fn"])
        event_dim = site["fn"].event_dim
        inner = event_dim - transform.codomain.event_dim + transform.domain.event_dim
        plans.append(SitePlan(name, site, transform, event_dim, inner, paths[name]))
    return tuple(plans)


def unflatten(plan: SitePlan, shape: torch.Size, flat: Tensor) -> Tensor:
    """The unconstrained value of a site from flat coordinates; batch dims go left of the site's.

    A plate around the guide (that of vectorised particles) makes room for the plates inside: where
    a site has batch dims of its own, those of the flat vector have size one, and are dropped.
    """
    batch = flat.shape[:-1]
    own = len(shape) - plan.unconstrained_event_dim
    outer = batch[: max(len(batch) - own, 0)]
    return flat.reshape((outer if outer.numel() == batch.numel() else batch) + shape)


def densities_wanted() -> bool:
    """Whether densities matter here: not where all is masked, as in predictions."""
    return get_mask() is not False


def site_transform(name: str, fn: Any) -> Any:
    """The bijection from unconstrained coordinates to the support of a site with this law.

    :raises SiteError: if the site is discrete, or there is none.
    """
    if getattr(fn.support, "is_discrete", False):
        raise SiteError(
            f"an automatic guide cannot handle the discrete sample site {name!r} "
            f"({type(fn).__name__}). " + ADVICE.format(name=name)
        )
    try:
        return biject_to(fn.support)
    except NotImplementedError as error:
        raise SiteError(
            f"at site {name!r}, there is no bijection from real coordinates to {fn.support}; "
            "register one with pyro.distributions.biject_to.register"
        ) from error
