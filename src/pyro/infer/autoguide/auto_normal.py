"""Independent normals in unconstrained space, site by site."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from pyro.distributions import constraints
from pyro.distributions.normal import Normal
from pyro.infer.autoguide.auto_guide import AutoGuide, CreatePlates
from pyro.infer.autoguide.constrained import values_in_model
from pyro.infer.autoguide.drawn_together import laws_of, runs_of_numbers
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.plans import Point, SitePlan, densities_wanted, plan_sites
from pyro.infer.autoguide.quantiles import Levels, constrained_quantiles, normal_quantiles
from pyro.infer.autoguide.site_parameters import check_init_scale, for_all_data
from pyro.infer.model.initialization import Strategy, init_to_feasible
from pyro.nn.nested import get_nested, set_nested
from pyro.nn.pyro_module import PyroModule
from pyro.nn.pyro_param import PyroParam
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.primitives.sample import sample


class AutoNormal(AutoGuide):
    r"""Independent normals in unconstrained coordinates: :math:`z = T(u),\; u_i \sim N(l_i, s_i)`.

    :math:`T` is the bijection to the support of a site. Posterior correlations are not
    represented, and standard deviations are too small where there are some. Each latent site
    ``x`` of the model gives a site ``x_unconstrained`` and a point mass ``x``, and the parameters
    ``locs.x`` and ``scales.x``. Plates are those of the model; sites inside keep the conditional
    independence.

    See Kucukelbir et al. (2017), *Automatic Differentiation Variational Inference*, section 3.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial locations.
    :param init_scale: The initial standard deviation of each unconstrained coordinate.
    :param create_plates: As in :class:`AutoGuide`.

    Example::

        >>> from pyro.infer import SVI, Trace_ELBO
        >>> from pyro.infer.autoguide import AutoNormal
        >>> def model(x):
        ...     rate = pyro.sample("rate", dist.Gamma(2.0, 1.0))
        ...     with pyro.plate("data", len(x)):
        ...         pyro.sample("x", dist.Poisson(rate), obs=x)
        >>> guide = AutoNormal(model)
        >>> x = torch.tensor([3.0, 5.0, 4.0, 4.0])
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.05}), Trace_ELBO())
        >>> losses = [svi.step(x) for _ in range(300)]
        >>> abs(guide.median(x)["rate"].item() - 3.53) < 0.5  # of the posterior, Gamma(18, 5)
        True
    """

    scale_constraint = constraints.softplus_positive

    def __init__(
        self,
        model: Model,
        *,
        init_loc_fn: Strategy = init_to_feasible,
        init_scale: float = 0.1,
        create_plates: CreatePlates | None = None,
    ) -> None:
        super().__init__(model, create_plates=create_plates)
        self.init_loc_fn = init_loc_fn
        self._init_scale = check_init_scale(init_scale)
        self._plan: tuple[SitePlan, ...] = ()
        self._runs: tuple[tuple[SitePlan, ...], ...] = ()
        self.locs = PyroModule()
        self.scales = PyroModule()

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        self._plan = plan_sites(self._sites())
        self._runs = runs_of_numbers(self._plan)
        for plan in self._plan:
            event_dim = plan.unconstrained_event_dim
            loc = for_all_data(plan.site, plan.unconstrained(), event_dim)
            scale = torch.full_like(loc, self._init_scale)
            set_nested(self.locs, plan.path, PyroParam(loc, constraints.real, event_dim))
            set_nested(self.scales, plan.path, PyroParam(scale, self.scale_constraint, event_dim))

    def _loc_scale(self, plan: SitePlan) -> tuple[Tensor, Tensor]:
        return get_nested(self.locs, plan.path), get_nested(self.scales, plan.path)

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Draw the latent values of the model for these arguments, by name of site."""
        plates = self._create_plates(*args, **kwargs)
        densities = densities_wanted()
        points: dict[str, Point] = {}
        laws = self._laws()
        if self._moving:
            drawn = {plan.name: self._draw_in(plan, plates, laws) for plan in self._plan}
            points = values_in_model(self.model, drawn, plates, args, kwargs)
        result: dict[str, Tensor] = {}
        for plan in self._plan:
            with ExitStack() as stack:
                self._enter_plates(stack, plan.site, plates)
                point = points.get(plan.name) or plan.value(self._draw(plan, laws), densities)
                result[plan.name] = plan.emit(point)
        return result

    def _laws(self) -> dict[str, Normal]:
        """By name of site, those of sites that are drawn together."""
        laws: dict[str, Normal] = {}
        for run in self._runs:
            locs, scales = zip(*map(self._loc_scale, run), strict=True)
            laws.update(zip((plan.name for plan in run), laws_of(locs, scales), strict=True))
        return laws

    def _draw_in(
        self, plan: SitePlan, plates: dict[str, PlateMessenger], laws: dict[str, Normal]
    ) -> Tensor:
        with ExitStack() as stack:
            self._enter_plates(stack, plan.site, plates)
            return self._draw(plan, laws)

    def _draw(self, plan: SitePlan, laws: dict[str, Normal]) -> Tensor:
        fn: Any = laws.get(plan.name)
        if fn is None:
            loc, scale = self._loc_scale(plan)
            fn = Normal(loc, scale, validate_args=False).to_event(plan.unconstrained_event_dim)
        value: Tensor = sample(plan.name + "_unconstrained", fn, infer={"is_auxiliary": True})
        return value

    @torch.no_grad()
    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The posterior medians of the latent sites, by name, for all data.

        A site of several dependent coordinates, such as a simplex, gets the point at their medians.
        """
        return {k: v.squeeze(0) for k, v in self.quantiles([0.5], *args, **kwargs).items()}

    @torch.no_grad()
    def quantiles(self, quantiles: Levels, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Posterior quantiles of the latent sites, by name, for all data.

        :param quantiles: Probabilities.
        :return: Tensors of shape ``(len(quantiles),) + shape of the site``.

        Example::

            >>> from pyro.infer.autoguide import AutoNormal
            >>> guide = AutoNormal(lambda: pyro.sample("x", dist.LogNormal(1.0, 1.0)))
            >>> guide.quantiles([0.05, 0.5, 0.95])["x"].log()  # before it is fitted: init_scale
            tensor([-0.1645,  0.0000,  0.1645])
        """
        self.setup(*args, **kwargs)
        parts = {plan.name: self._loc_scale(plan) for plan in self._plan}
        if self._moving:
            at = {name: normal_quantiles(*pair, quantiles) for name, pair in parts.items()}
            return self._in_model(at, args, kwargs)
        return {
            plan.name: constrained_quantiles(plan.transform, *parts[plan.name], quantiles)
            for plan in self._plan
        }
