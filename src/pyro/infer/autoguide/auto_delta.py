"""Point estimates."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from pyro.distributions import constraints
from pyro.infer.autoguide.auto_guide import AutoGuide, CreatePlates
from pyro.infer.autoguide.constrained import values_in_model
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.plans import SitePlan, plan_sites
from pyro.infer.autoguide.site_parameters import for_all_data
from pyro.infer.model.initialization import Strategy, init_to_median
from pyro.nn.nested import get_nested, set_nested
from pyro.nn.pyro_param import PyroParam
from pyro.poutine.plate_messenger import PlateMessenger


class AutoDelta(AutoGuide):
    r"""Point masses: the maximum a posteriori estimate :math:`\arg\max_z p(z, y)`.

    The density is that of the values themselves, in *constrained* space, so the optimum is not
    that of :class:`AutoLaplaceApproximation`. Each latent site ``x`` of the model gives a point
    mass ``x`` and a parameter ``x`` with the site's support as its constraint. Where the support
    depends on other sites, the parameter holds the unconstrained coordinates.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial values.
    :param create_plates: As in :class:`AutoGuide`.

    Example::

        >>> from pyro.infer import SVI, Trace_ELBO
        >>> from pyro.infer.autoguide import AutoDelta
        >>> def model(heads, tosses):
        ...     p = pyro.sample("p", dist.Beta(2.0, 2.0))
        ...     pyro.sample("heads", dist.Binomial(tosses, p), obs=heads)
        >>> guide = AutoDelta(model)
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO())
        >>> losses = [svi.step(torch.tensor(7.0), 8) for _ in range(300)]
        >>> print(f"{guide.median(7.0, 8)['p']:.3f}")  # (7 + 1) / (8 + 2)
        0.800
    """

    def __init__(
        self,
        model: Model,
        init_loc_fn: Strategy = init_to_median,
        *,
        create_plates: CreatePlates | None = None,
    ) -> None:
        super().__init__(model, create_plates=create_plates)
        self.init_loc_fn = init_loc_fn
        self._plan: tuple[SitePlan, ...] = ()

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        self._plan = plan_sites(self._sites())
        for plan in self._plan:
            if plan.name in self._moving:
                value, dims = plan.unconstrained(), plan.unconstrained_event_dim
                constraint: Any = constraints.real
            else:
                value, dims = plan.site["value"].detach(), plan.event_dim
                constraint = plan.site["fn"].support
            initial = for_all_data(plan.site, value, dims)
            set_nested(self, plan.path, PyroParam(initial, constraint, dims))

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The point estimate for these arguments of the model, by name of site."""
        plates = self._create_plates(*args, **kwargs)
        moved = self._moved(plates, args, kwargs) if self._moving else {}
        result: dict[str, Tensor] = {}
        for plan in self._plan:
            with ExitStack() as stack:
                self._enter_plates(stack, plan.site, plates)
                value = moved[plan.name] if moved else get_nested(self, plan.path)
                result[plan.name] = plan.emit((value, 0.0))
        return result

    def _moved(
        self, plates: dict[str, PlateMessenger], args: Any, kwargs: Any
    ) -> dict[str, Tensor]:
        """The values where supports depend on other sites."""
        coordinates = {}
        for plan in self._plan:
            with ExitStack() as stack:
                self._enter_plates(stack, plan.site, plates)
                value = get_nested(self, plan.path)
            fixed = plan.name not in self._moving
            coordinates[plan.name] = plan.transform.inv(value) if fixed else value
        points = values_in_model(self.model, coordinates, plates, args, kwargs)
        return {name: value for name, (value, _) in points.items()}

    @torch.no_grad()
    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The point estimate, by name of site; for the subsample if the guide subsamples."""
        result: dict[str, Tensor] = self(*args, **kwargs)
        return {name: value.detach().clone() for name, value in result.items()}
