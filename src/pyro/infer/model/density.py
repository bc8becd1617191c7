"""The posterior log density of a model in unconstrained coordinates, computed by running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from pyro.infer.config_enumerate import config_enumerate
from pyro.infer.model import eager
from pyro.infer.model.flat import Flat
from pyro.infer.model.initialization import InitMessenger, Strategy, init_to_uniform
from pyro.infer.model.latents import LatentLayout
from pyro.infer.model.look import look
from pyro.infer.model.supports import may_move, moving_supports
from pyro.infer.model.terms import log_terms, total
from pyro.infer.model.unconstrain import UnconstrainMessenger, bijection
from pyro.infer.prototype import looking
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.messenger import block_messengers
from pyro.poutine.sites import is_deterministic, is_sample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace

Model = Callable[..., Any]


class ModelDensity:
    r"""A model with its arguments as a :class:`~pyro.infer.model.logdensity.LogDensity`.

    :math:`\log p(T(u), y) + \log|\det T'(u)|`, where :math:`u` are the unconstrained coordinates of
    the continuous latent sites and :math:`T` are the bijections to their supports; supports that
    depend on other latents are followed. Discrete sites with a finite support are summed out.
    Parameters (``pyro.param``) count as constants.

    :param model: A function that calls ``pyro.sample``.
    :param max_plate_nesting: How many batch dims plates occupy; by default looked up in a run.
    :param enumerate_discrete: Whether discrete sites are summed out.
    :param init: The strategy that the prototype run, which finds the sites, uses.
    :param transforms: Bijections *from* supports to unconstrained coordinates, by name of site, in
        place of all the automatic ones; a site without one is left as it is.
    :raises SubsampleError: if a plate draws a subsample: the density would be random.
    :raises SiteError: if a site is neither continuous nor can be enumerated.

    Example::

        >>> from pyro.infer.model.density import ModelDensity
        >>> def model(x):
        ...     scale = pyro.sample("scale", dist.Exponential(1.0))
        ...     pyro.sample("x", dist.Normal(0.0, scale), obs=x)
        >>> density = ModelDensity(model, torch.tensor(2.0))
        >>> density.dim
        1
        >>> value, grad = density.value_and_grad(torch.zeros(1))  # at scale = exp(0)
        >>> value, grad  # -1 - (log(2 pi) + 4) / 2 + 0, and its derivative
        (tensor(-3.9189), tensor([3.]))
    """

    def __init__(
        self,
        model: Model,
        *args: Any,
        max_plate_nesting: int | None = None,
        enumerate_discrete: bool = True,
        init: Strategy = init_to_uniform,
        transforms: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.model, self.args, self.kwargs = model, args, kwargs
        self.transforms = transforms
        found = look(model, args, kwargs, init, max_plate_nesting, enumerate_discrete)
        self.max_plate_nesting = found.plates if max_plate_nesting is None else max_plate_nesting
        self.enumerated = found.enumerated
        self.program = config_enumerate(model) if self.enumerated else model
        self.prototype, self._room = found.trace, found.room
        self.layout = LatentLayout.of(self.prototype, transforms=transforms)
        self.moving = (
            moving_supports(self.program, args, kwargs)
            if may_move(self.prototype)
            else frozenset[str]()
        )

    @property
    def dim(self) -> int:
        """The number of unconstrained coordinates."""
        return self.layout.dim

    @property
    def reference(self) -> Tensor:
        """A tensor with the dtype and device of points: those of the first latent site's values."""
        sites = self.layout.sites
        return self.prototype.nodes[sites[0].name]["value"] if sites else torch.zeros(())

    @property
    def flat(self) -> Flat:
        """The places of the sites in a point."""
        return self.layout.flat

    def _enumeration(self) -> EnumMessenger:
        return EnumMessenger(first_available_dim=-1 - self.max_plate_nesting)

    def run(self, unconstrained: Mapping[str, Tensor]) -> tuple[Trace, UnconstrainMessenger]:
        """The trace of the model at a point, hidden from handlers outside."""
        with block_messengers(lambda handler: True), ExitStack() as stack:
            traced = stack.enter_context(TraceMessenger())
            given = stack.enter_context(UnconstrainMessenger(unconstrained, self.transforms))
            if self.enumerated:
                stack.enter_context(self._enumeration())
            self.program(*self.args, **self.kwargs)
        return traced.trace, given

    def log_density(self, x: Tensor) -> Tensor:
        """The log density at one point, of shape ``(dim,)``; a scalar that gradients flow through.

        This is the function to record and compile.
        """
        trace, given = self.run(self.layout.unflatten(x))
        terms = log_terms(trace, bool(self.enumerated), self.max_plate_nesting)
        return total([*terms, *given.log_dets.values()], x.new_zeros(()))

    def known_value(self) -> tuple[Tensor, Tensor]:
        """A point, and the log density there: those of the run that found the sites.

        The model does not run; the sites of the prototype are scored.
        """
        trace = Trace()
        trace.nodes = {name: site.copy() for name, site in self.prototype.nodes.items()}
        with torch.no_grad():
            values = {site.name: trace.nodes[site.name]["value"] for site in self.layout}
            inner = self.layout.unconstrain(values)
            point = self.layout.flatten(inner)
            terms = log_terms(trace, bool(self.enumerated), self._room)
            log_dets = self.layout.log_det(inner).values()
            return point, total([*terms, *log_dets], point.new_zeros(()))

    def value(self, x: Tensor) -> Tensor:
        """The log density at points of shape ``batch + (dim,)``."""
        return eager.value(self.log_density, x)

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The log density and its gradient at points of shape ``batch + (dim,)``."""
        return eager.value_and_grad(self.log_density, x)

    def constrain(self, x: Tensor) -> dict[str, Tensor]:
        """The values of the latent sites at points of shape ``batch + (dim,)``, by name."""
        unconstrained = self.layout.unflatten(x)
        if not self.moving:
            with torch.no_grad():
                return self.layout.constrain(unconstrained)
        rows = [self._constrained(row) for row in x.reshape(-1, self.dim)]
        return {
            site.name: torch.stack([row[site.name] for row in rows]).reshape(
                x.shape[:-1] + site.shape
            )
            for site in self.layout
        }

    def _constrained(self, x: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            return self.run(self.layout.unflatten(x))[1].constrained

    def deterministic(self, x: Tensor) -> dict[str, Tensor]:
        """The values of the deterministic sites at points of shape ``batch + (dim,)``, by name."""
        with torch.no_grad():
            traces = [self.run(self.layout.unflatten(row))[0] for row in x.reshape(-1, self.dim)]
        result = {}
        for name, site in self.prototype.nodes.items():
            if not (is_sample(site) and is_deterministic(site)):
                continue
            values = torch.stack([torch.as_tensor(trace.nodes[name]["value"]) for trace in traces])
            result[name] = values.reshape(x.shape[:-1] + values.shape[1:])
        return result

    def unconstrain(self, values: Mapping[str, Tensor]) -> Tensor:
        """The point where the latent sites have given values, of shape ``(dim,)``.

        :raises ShapeError: if the value of a site is missing or has another shape.
        """
        fns = {site.name: site.fn for site in self.layout}
        if self.moving:
            with looking(), TraceMessenger() as traced:
                with InitMessenger(lambda site: values.get(site["name"])):
                    self.model(*self.args, **self.kwargs)
            fns = {name: traced.trace.nodes[name]["fn"] for name in fns}
        with torch.no_grad():
            inner = {
                name: bijection(name, fns[name].support, self.transforms).inv(
                    torch.as_tensor(value)
                )
                for name, value in values.items()
                if name in fns
            }
        return self.layout.flatten(inner)
