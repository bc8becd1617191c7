"""The base of guides that run the model and have a location and a scale at each site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pyro.distributions import constraints
from pyro.infer.autoguide.auto_messenger import (
    MEAN_OR_FEASIBLE,
    AutoMessenger,
    initial_value,
    unconstrained_event_dim,
)
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.plans import site_transform
from pyro.infer.autoguide.site_parameters import check_init_scale
from pyro.infer.model.initialization import Strategy
from pyro.nn.pyro_module import PyroModule


class LocScaleSites(AutoMessenger):
    """``locs.<name>`` and ``scales.<name>`` in the unconstrained coordinates of each site.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses where the initial laws are.
    :param init_scale: The initial scale of each unconstrained coordinate.
    :param amortized_plates: Plates over which parameters are shared.
    """

    def __init__(
        self,
        model: Model,
        *,
        init_loc_fn: Strategy = MEAN_OR_FEASIBLE,
        init_scale: float = 0.1,
        amortized_plates: tuple[str, ...] = (),
    ) -> None:
        super().__init__(model, amortized_plates=amortized_plates)
        self.init_loc_fn = init_loc_fn
        self._init_scale = check_init_scale(init_scale)
        self.locs = PyroModule()
        self.scales = PyroModule()

    def _site_params(
        self, name: str, prior: Any, start: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Location and scale of a site, made if need be.

        :param start: The initial location, given the coordinates of the initial value.
        """
        dims = unconstrained_event_dim(prior, site_transform(name, prior))

        def at() -> Tensor:
            return initial_value(name, prior, self.init_loc_fn)

        def spread() -> Tensor:
            return torch.full_like(at(), self._init_scale)

        loc = self._param("locs", name, lambda: start(at()), constraints.real, dims)
        scale = self._param("scales", name, spread, constraints.softplus_positive, dims)
        return loc, scale
