"""A run of a model that finds its sites while its density is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from pyro.errors import SiteError
from pyro.infer.config_enumerate import config_enumerate
from pyro.infer.model.flat import Place
from pyro.infer.model.look import ROOM, check_not_random, is_clear, seen
from pyro.infer.model.terms import log_terms, total
from pyro.infer.model.unconstrain import bijection, log_det
from pyro.infer.model.unconstrained_shape import unconstrained_shape
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.messenger import Messenger, block_messengers
from pyro.poutine.sites import is_latent
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.runtime import Message

LONGEST = 1 << 16
"""Coordinates that a draft may have."""


class Draft:
    """A model whose layout is not known yet: its sites take their coordinates as they come.

    The density is that of :class:`~pyro.infer.model.density.ModelDensity`. Whoever uses it compares
    :attr:`places`, and values, with one that has looked at the model.

    :ivar places: of the sites of the last run, as :class:`~pyro.infer.model.flat.Flat` has them.
    """

    def __init__(
        self, model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self._program = config_enumerate(model)
        self._args, self._kwargs = args, kwargs
        self.places: dict[str, Place] = {}

    def log_density(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The log density, and the parts of ``x`` that sites have taken, from the first on.

        :param x: of :data:`LONGEST` elements.
        :raises SiteError: if one run does not tell all, or is not like that of a density that has
            looked before.
        """
        with block_messengers(lambda handler: True), ExitStack() as stack:
            traced = stack.enter_context(TraceMessenger())
            taking = stack.enter_context(_TakingMessenger(x))
            stack.enter_context(EnumMessenger(first_available_dim=-1 - ROOM))
            self._program(*self._args, **self._kwargs)
        check_not_random(traced.trace)
        found = seen(traced.trace, ROOM)
        if not is_clear(found):
            raise SiteError("the plates of the model are not known after one run")
        self.places = taking.places
        terms = log_terms(found.trace, bool(found.enumerated), found.room)
        return total([*terms, *taking.log_dets], x.new_zeros(())), taking.parts


class _TakingMessenger(Messenger):
    """Each latent site takes the next coordinates of a point."""

    def __init__(self, x: Tensor) -> None:
        self._x = x
        self._start = 0
        self.places: dict[str, Place] = {}
        self.parts: list[Tensor] = []
        self.log_dets: list[Tensor] = []

    def _pyro_sample(self, msg: Message) -> None:
        if msg["done"] or not is_latent(msg):
            return
        name, fn = msg["name"], msg["fn"]
        if msg["value"] is not None or name in self.places or fn.support.is_discrete:
            raise SiteError(f"site {name!r} is none that takes coordinates")
        transform = bijection(name, fn.support, None)
        u = self._take(name, unconstrained_shape(transform, fn.shape()))
        value = transform(u)
        self.log_dets.append(log_det(transform, u, value, fn.event_dim))
        msg["value"] = value
        msg["done"] = True

    def _take(self, name: str, shape: torch.Size) -> Tensor:
        stop = self._start + shape.numel()
        if stop > len(self._x):
            raise SiteError(f"there are more than {len(self._x)} coordinates at site {name!r}")
        part = self._x[self._start : stop].reshape(shape)
        self.places[name] = Place(shape, self._start, stop)
        self.parts.append(part)
        self._start = stop
        return part
