"""Guides written by hand, in which groups of sites share one draw."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from pyro.errors import SiteError
from pyro.infer.autoguide.held_model import HeldModel, Model
from pyro.infer.autoguide.plans import SitePlan, densities_wanted, plan_sites
from pyro.infer.autoguide.prototype import Prototype, check_latents, warn_of_kept_supports
from pyro.infer.autoguide.site_parameters import for_all_data
from pyro.nn.pyro_module import PyroModule
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.trace_struct import Trace
from pyro.primitives.param import param
from pyro.primitives.sample import sample
from pyro.runtime import STATE, Frame, Message


class EasyGuide(PyroModule):
    """A guide whose :meth:`guide` is written by hand, with groups of sites and plates to help.

    :param model: A function that calls ``pyro.sample``.

    A subclass defines ``guide(*args)``, and perhaps ``init(site)``, which chooses initial values.
    Plates of the model are opened by :meth:`plate`, not by ``pyro.plate``.

    Example::

        >>> from pyro.contrib.easyguide import EasyGuide
        >>> def model(y):
        ...     loc = pyro.sample("loc", dist.Normal(0.0, 1.0))
        ...     scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        ...     with pyro.plate("data", len(y)):
        ...         pyro.sample("y", dist.Normal(loc, scale), obs=y)
        >>> class Joint(EasyGuide):
        ...     def guide(self, y):
        ...         both = self.group(match="loc|scale")
        ...         mean = pyro.param("mean", torch.zeros(both.event_shape))
        ...         both.sample("joint", dist.Normal(mean, 0.1).to_event(1))
        >>> trace = poutine.trace(Joint(model)).get_trace(torch.ones(3))
        >>> trace.stochastic_nodes
        ['joint', 'loc', 'scale']
    """

    def __init__(self, model: Model) -> None:
        super().__init__(name=type(self).__name__)
        self._model = HeldModel(model)
        self.prototype_trace: Trace | None = None
        self.frames: dict[str, Frame] = {}
        self._plan: tuple[SitePlan, ...] = ()

    @property
    def model(self) -> Model:
        """The model."""
        return self._model.get()

    @property
    def plates(self) -> dict[str, PlateMessenger]:
        """The plates that this call of the guide has opened, by name."""
        return _PLATES.by_guide.setdefault(self, {})

    def init(self, site: Message) -> Tensor:
        """The initial value of a site: a draw from its prior."""
        value: Tensor = site["fn"]()
        return value

    def guide(self, *args: Any, **kwargs: Any) -> Any:
        """The guide itself, to be defined in a subclass."""
        raise NotImplementedError(f"{type(self).__name__} defines no guide()")

    def setup(self, *args: Any, **kwargs: Any) -> Self:
        """Run the model once with these arguments, unless it is done.

        :return: The guide.
        """
        if self.prototype_trace is None:
            prototype = Prototype(self.model, self.init, args, kwargs)
            check_latents(prototype.trace)
            if prototype.moving:
                advice = "Use a guide of pyro.infer.autoguide for these sites and the others"
                warn_of_kept_supports(self, prototype.moving, advice)
            self._plan = plan_sites(prototype.trace.nodes)
            self.frames = prototype.frames
            self.prototype_trace = prototype.trace
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the guide with the model's arguments."""
        self.setup(*args, **kwargs)
        self.plates.clear()
        return self.guide(*args, **kwargs)

    def plate(
        self,
        name: str,
        size: int | None = None,
        subsample_size: int | None = None,
        subsample: Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> PlateMessenger:
        """A plate of the model, the same in all of a call; its dim is that in the model."""
        if name not in self.plates:
            frame = self.frames.get(name)
            if frame is not None:
                kwargs.setdefault("dim", frame.dim)
            self.plates[name] = PlateMessenger(
                name, size, subsample_size, subsample, *args, **kwargs
            )
        return self.plates[name]

    def group(self, match: str = ".*") -> Group:
        """The latent sites whose names match a regular expression.

        :raises SiteError: if there are none.
        """
        pattern = re.compile(match)
        found = [plan for plan in self._plan if pattern.match(plan.name)]
        if not found:
            raise SiteError(
                f"group(match={match!r}): no latent site has such a name; there are "
                f"{[plan.name for plan in self._plan]}"
            )
        return Group(self, found)

    def map_estimate(self, name: str) -> Tensor:
        """A point estimate of a site: a point mass at a parameter named like the site."""
        plan = next((plan for plan in self._plan if plan.name == name), None)
        if plan is None:
            raise SiteError(
                f"map_estimate({name!r}): no latent site has this name; there are "
                f"{[plan.name for plan in self._plan]}"
            )
        with ExitStack() as stack:
            self._enter_plates(stack, plan)
            initial = for_all_data(plan.site, plan.site["value"], plan.event_dim)
            support = plan.site["fn"].support
            value = param(f"auto_{name}", initial, constraint=support, event_dim=plan.event_dim)
            return plan.emit((value, 0.0))

    def _enter_plates(self, stack: ExitStack, plan: SitePlan) -> None:
        """Open the plates around a site that are not open yet."""
        for frame in plan.site["cond_indep_stack"]:
            opened = self.plates.get(frame.name)
            if opened is None:
                size = frame.size if frame.full_size is None else frame.full_size
                opened = self.plate(frame.name, size, frame.size)
            if not _is_open(opened):
                stack.enter_context(opened)


class Group:
    """Latent sites that are drawn together.

    :param guide: The guide.
    :param plans: The sites.

    All sites of a group are in the same plates.
    """

    def __init__(self, guide: EasyGuide, plans: list[SitePlan]) -> None:
        self._guide = guide
        self._plans = plans
        self._sizes = [_event_size(plan) for plan in plans]
        outer = {frozenset(f.name for f in plan.site["cond_indep_stack"]) for plan in plans}
        if len(outer) > 1:
            raise SiteError(
                f"the sites {[plan.name for plan in plans]} are in different plates, "
                f"{[sorted(names) for names in outer]}; make a group for each"
            )

    @property
    def guide(self) -> EasyGuide:
        """The guide."""
        return self._guide

    @property
    def prototype_sites(self) -> list[Message]:
        """The sites as they were in the first run of the model."""
        return [plan.site for plan in self._plans]

    @property
    def event_shape(self) -> torch.Size:
        """The shape of the unconstrained coordinates of one element of the plates: ``(n,)``."""
        return torch.Size([sum(self._sizes)])

    def sample(
        self, guide_name: str, fn: Any, infer: dict[str, Any] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Draw one auxiliary site and unpack it to the sites of the group.

        :param guide_name: The name of the auxiliary site.
        :param fn: A distribution over vectors of :attr:`event_shape`.
        :return: The draw, and the values of the sites by name.
        """
        options = {**(infer or {}), "is_auxiliary": True}
        with ExitStack() as stack:
            self._guide._enter_plates(stack, self._plans[0])
            drawn = sample(guide_name, fn, infer=options)
            values, start = {}, 0
            for plan, size in zip(self._plans, self._sizes, strict=True):
                part = drawn[..., start : start + size]
                shape = drawn.shape[:-1] + _event_shape(plan)
                values[plan.name] = plan.emit(plan.value(part.reshape(shape), densities_wanted()))
                start += size
        return drawn, values

    def map_estimate(self) -> dict[str, Tensor]:
        """Point estimates of all sites, by name."""
        return {plan.name: self._guide.map_estimate(plan.name) for plan in self._plans}


def easy_guide(model: Model) -> Callable[[Callable[..., Any]], EasyGuide]:
    """Decorate a function ``guide(self, *args)`` to become an :class:`EasyGuide`.

    Example::

        >>> from pyro.contrib.easyguide import easy_guide
        >>> def model():
        ...     pyro.sample("x", dist.LogNormal(0.0, 1.0))
        >>> @easy_guide(model)
        ... def guide(self):
        ...     return self.map_estimate("x")
        >>> guide().shape
        torch.Size([])
    """

    def decorator(fn: Callable[..., Any]) -> EasyGuide:
        cls = type(fn.__name__, (EasyGuide,), {"guide": fn, "__doc__": fn.__doc__})
        made: EasyGuide = cls(model)
        return made

    return decorator


class _CallPlates(threading.local):
    def __init__(self) -> None:
        self.by_guide: WeakKeyDictionary[Any, dict[str, PlateMessenger]] = WeakKeyDictionary()


_PLATES = _CallPlates()


def _is_open(plate: PlateMessenger) -> bool:
    return plate in STATE.stack


def _event_shape(plan: SitePlan) -> torch.Size:
    shape = plan.unconstrained().shape
    return shape[len(shape) - plan.unconstrained_event_dim :]


def _event_size(plan: SitePlan) -> int:
    return _event_shape(plan).numel()
