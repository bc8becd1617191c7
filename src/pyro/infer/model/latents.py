"""The continuous latent sites of a model, as one flat vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pyro.errors import SiteError
from pyro.infer.model.flat import Flat, Place
from pyro.infer.model.unconstrain import bijection, log_det
from pyro.infer.model.unconstrained_shape import unconstrained_shape
from pyro.poutine.sites import is_latent
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Frame, Message

ADVICE = (
    "To infer the discrete sites too: enumerate them (config_enumerate with an enumerating "
    "objective; MCMC enumerates by itself where the support is finite), or give them a guide of "
    "their own: AutoGuideList with poutine.block(model, hide=[{name!r}]) for the continuous part."
)


@dataclass(frozen=True)
class LatentSite:
    """One site: its constrained shape, and its place in the flat unconstrained vector.

    ``unconstrained_shape`` is the site's batch shape and the shape of one event in unconstrained
    coordinates: a simplex of n entries has n - 1. ``start`` and ``stop`` are its place.
    ``transform`` is the bijection from unconstrained values to the support seen in the prototype.
    """

    name: str
    fn: Any
    transform: Any
    shape: torch.Size
    unconstrained_shape: torch.Size
    start: int
    stop: int
    frames: tuple[Frame, ...]

    @property
    def event_dim(self) -> int:
        """The number of event dims of a constrained value."""
        dims: int = self.fn.event_dim
        return dims

    @property
    def unconstrained_event_dim(self) -> int:
        """The number of event dims of an unconstrained value."""
        transform = self.transform
        return self.event_dim - transform.codomain.event_dim + transform.domain.event_dim  # type: ignore[no-any-return]


@dataclass(frozen=True)
class LatentLayout:
    """Names, shapes and transforms of a model's continuous latents, in the order of execution.

    ``dim`` is the length of the flat vector. All methods take leading batch dims.

    Example::

        >>> from pyro.infer.model.latents import LatentLayout
        >>> def model():
        ...     pyro.sample("weights", dist.Dirichlet(torch.ones(3)))
        ...     pyro.sample("scale", dist.LogNormal(torch.zeros(2), 1.0).to_event(1))
        >>> layout = LatentLayout.of(poutine.trace(model).get_trace())
        >>> layout.dim, layout.names
        (4, ('weights', 'scale'))
        >>> values = layout.constrain(layout.unflatten(torch.zeros(4)))
        >>> values["weights"], values["scale"]
        (tensor([0.3333, 0.3333, 0.3333]), tensor([1., 1.]))
    """

    sites: tuple[LatentSite, ...]
    by_name: dict[str, LatentSite] = field(init=False, repr=False, compare=False)
    flat: Flat = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {site.name: site for site in self.sites})
        places = {s.name: Place(s.unconstrained_shape, s.start, s.stop) for s in self.sites}
        object.__setattr__(self, "flat", Flat(places))

    @classmethod
    def of(
        cls,
        trace: Trace,
        skip: Sequence[str] = (),
        transforms: Mapping[str, Any] | None = None,
    ) -> LatentLayout:
        """The layout of the latent sites of a trace.

        :param skip: Names to leave out.
        :param transforms: Bijections *from* the support of a site, by name, in place of all the
            automatic ones; a site without one is left as it is.
        :raises SiteError: if a site is discrete, or its support has no bijection.
        """
        sites: list[LatentSite] = []
        start = 0
        for name, msg in trace.nodes.items():
            if is_latent(msg) and name not in skip and "_enumerate_dim" not in msg["infer"]:
                site = _describe(msg, start, transforms)
                sites.append(site)
                start = site.stop
        return cls(tuple(sites))

    @property
    def dim(self) -> int:
        """The number of unconstrained coordinates."""
        return self.sites[-1].stop if self.sites else 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sites."""
        return tuple(site.name for site in self.sites)

    def __iter__(self) -> Iterator[LatentSite]:
        return iter(self.sites)

    def __len__(self) -> int:
        return len(self.sites)

    def __getitem__(self, name: str) -> LatentSite:
        return self.by_name[name]

    def flatten(self, values: Mapping[str, Tensor]) -> Tensor:
        """Unconstrained values as one vector of shape ``batch + (dim,)``.

        :raises ShapeError: if a value is missing, or does not end in the shape of its site.
        """
        return self.flat.flatten(values)

    def unflatten(self, x: Tensor) -> dict[str, Tensor]:
        """Unconstrained values by name, each of shape ``batch + unconstrained_shape``."""
        return self.flat.unflatten(x)

    def constrain(self, unconstrained: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Values in the supports that the prototype had.

        Where a support depends on other latents this is not the support of these values:
        ask :func:`~pyro.infer.model.supports.has_moving_supports`.
        """
        return {site.name: site.transform(unconstrained[site.name]) for site in self.sites}

    def unconstrain(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Unconstrained coordinates of values in the supports that the prototype had."""
        return {site.name: site.transform.inv(values[site.name]) for site in self.sites}

    def log_det(self, unconstrained: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The log determinant of each site's transform, of the batch shape of the site."""
        result = {}
        for site in self.sites:
            u, transform = unconstrained[site.name], site.transform
            result[site.name] = log_det(transform, u, transform(u), site.event_dim)
        return result


def _describe(msg: Message, start: int, transforms: Mapping[str, Any] | None) -> LatentSite:
    fn, name = msg["fn"], msg["name"]
    support = fn.support
    if getattr(support, "is_discrete", False):
        raise SiteError(
            f"Continuous inference cannot handle discrete sample site {name!r} "
            f"({type(fn).__name__}). " + ADVICE.format(name=name)
        )
    shape = torch.Size(msg["value"].shape)
    try:
        transform = bijection(name, support, transforms)
        inner = unconstrained_shape(transform, shape)
    except NotImplementedError as error:
        raise SiteError(
            f"at site {name!r}, there is no bijection from real coordinates to {support}; "
            "register one with pyro.distributions.biject_to.register"
        ) from error
    unconstrained = torch.Size(inner)
    return LatentSite(
        name=name,
        fn=fn,
        transform=transform,
        shape=shape,
        unconstrained_shape=unconstrained,
        start=start,
        stop=start + unconstrained.numel(),
        frames=tuple(msg["cond_indep_stack"]),
    )
