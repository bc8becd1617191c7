"""Conditional laws that depend on each other as one says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from pyro.distributions import constraints
from pyro.distributions.normal import Normal
from pyro.infer.autoguide.auto_guide import AutoGuide, CreatePlates
from pyro.infer.autoguide.constrained import values_in_model
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.plans import Point, SitePlan, densities_wanted, plan_sites, unflatten
from pyro.infer.autoguide.site_parameters import check_init_scale
from pyro.infer.errors import InferenceError, SubsampleError
from pyro.infer.inspect.dependencies import get_dependencies
from pyro.infer.model.initialization import Strategy, init_to_feasible
from pyro.nn.nested import get_nested, set_nested
from pyro.nn.pyro_module import PyroModule
from pyro.nn.pyro_param import PyroParam
from pyro.primitives.sample import sample

Conditional = str | Callable[[], Tensor]
Dependency = str | Callable[[Tensor], Tensor]
_KINDS = ("delta", "normal", "mvn")


class AutoStructured(AutoGuide):
    r"""A law for each site, shifted by the sites on which it is made to depend.

    With the flattened unconstrained coordinates :math:`u_x` of a site ``x``,

    .. math:: u_x = l_x + \delta_x,\qquad \delta_x = \epsilon_x + \sum_y f_{xy}(\delta_y)

    where :math:`\epsilon_x` is the noise of the site's conditional law and the sum is over its
    upstream sites. In between the mean-field and the full-rank normal, at a cost in between.

    :param model: A function that calls ``pyro.sample``.
    :param conditionals: For each latent site, or for all: "delta" (no noise), "normal"
        (independent), "mvn" (full covariance), or a function without arguments that returns
        centred noise, as a flat vector, typically by ``pyro.sample`` and ``pyro.param``.
    :param dependencies: Downstream name to upstream name to "linear" (a matrix, zero at first) or a
        function (perhaps a module) from the flat :math:`\delta_y` to the shift of ``x``. "linear"
        alone: matrices for all pairs that are joined in the moral graph of the posterior.
    :param init_loc_fn: The strategy that chooses the initial locations.
    :param init_scale: The initial standard deviation of each unconstrained coordinate.
    :param create_plates: As in :class:`AutoGuide`.
    :raises InferenceError: if a name is unknown, or the dependencies have a cycle.

    Example::

        >>> from pyro.infer.autoguide import AutoStructured
        >>> def model(data):
        ...     x = pyro.sample("x", dist.LogNormal(0.0, 1.0))
        ...     with pyro.plate("plate", len(data)):
        ...         y = pyro.sample("y", dist.Normal(0.0, 1.0))
        ...         pyro.sample("z", dist.Normal(y, x), obs=data)
        >>> guide = AutoStructured(
        ...     model,
        ...     conditionals={"x": "normal", "y": "delta"},
        ...     dependencies={"x": {"y": "linear"}},
        ... )
        >>> [name for name, _ in guide.setup(torch.zeros(4)).named_parameters()]
        ['locs.x_unconstrained', 'locs.y_unconstrained', 'scales.x_unconstrained',
         'deps.x.y.weight']
    """

    scale_constraint = constraints.softplus_positive
    scale_tril_constraint = constraints.unit_lower_cholesky

    def __init__(
        self,
        model: Model,
        *,
        conditionals: str | Mapping[str, Conditional] = "mvn",
        dependencies: str | Mapping[str, Mapping[str, Dependency]] = "linear",
        init_loc_fn: Strategy = init_to_feasible,
        init_scale: float = 0.1,
        create_plates: CreatePlates | None = None,
    ) -> None:
        super().__init__(model, create_plates=create_plates)
        self.init_loc_fn = init_loc_fn
        self._init_scale = check_init_scale(init_scale)
        self.conditionals = conditionals
        self.dependencies = dependencies
        self._plan: tuple[SitePlan, ...] = ()
        self._shapes: dict[str, torch.Size] = {}
        self._order: list[str] = []
        self._laws: dict[str, Conditional] = {}
        self._shifts: dict[str, dict[str, Dependency]] = {}
        self.locs = PyroModule()
        self.scales = PyroModule()
        self.scale_trils = PyroModule()
        self.conds = PyroModule()
        self.deps = PyroModule()

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        self._plan = plan_sites(self._sites())
        names = [plan.name for plan in self._plan]
        given = self.conditionals
        self._laws = dict.fromkeys(names, given) if isinstance(given, str) else dict(given)
        if isinstance(self.dependencies, str):
            self._shifts = _all_linear(self.model, names, self.dependencies, args, kwargs)
        else:
            self._shifts = {down: dict(ups) for down, ups in self.dependencies.items()}
        _check_names(names, self._laws, self._shifts)
        self._order = _ordered(names, self._shifts)
        for plan in self._plan:
            self._make_site(plan)
        for down, ups in self._shifts.items():
            for up, kind in ups.items():
                self._make_shift(down, up, kind)

    def _make_site(self, plan: SitePlan) -> None:
        for frame in plan.site["cond_indep_stack"]:
            if frame.full_size not in (None, -1, frame.size):
                raise SubsampleError(
                    f"AutoStructured: site {plan.name!r} is in plate {frame.name!r}, which "
                    "subsamples; use AutoNormal, or AutoGuideList with AutoNormal for the sites "
                    "in the plate"
                )
        start = plan.unconstrained()
        self._shapes[plan.name] = start.shape
        loc = start.reshape(-1)
        set_nested(self.locs, plan.path, PyroParam(loc))
        law = self._laws[plan.name]
        if isinstance(law, nn.Module):
            set_nested(self.conds, plan.path, law)
        if law in ("normal", "mvn"):
            scale = torch.full_like(loc, self._init_scale)
            set_nested(self.scales, plan.path, PyroParam(scale, self.scale_constraint))
        if law == "mvn":
            unit = torch.eye(len(loc), dtype=loc.dtype, device=loc.device)
            set_nested(self.scale_trils, plan.path, PyroParam(unit, self.scale_tril_constraint))

    def _make_shift(self, down: str, up: str, kind: Dependency) -> None:
        paths = {plan.name: plan.path for plan in self._plan}
        if kind == "linear":
            like = get_nested(self.locs, paths[up])
            sizes = self._shapes[up].numel(), self._shapes[down].numel()
            linear = PyroModule[nn.Linear](*sizes, bias=False)
            kind = linear.to(like.device, like.dtype)
            nn.init.zeros_(linear.weight)
        elif isinstance(kind, str):
            raise InferenceError(
                f"dependencies: {down!r} on {up!r} must be 'linear' or a function, got {kind!r}"
            )
        if isinstance(kind, nn.Module):
            set_nested(self.deps, f"{paths[down]}.{paths[up]}", kind)
        self._shifts[down][up] = "module" if isinstance(kind, nn.Module) else kind

    def _noise(self, plan: SitePlan) -> tuple[Tensor | None, Tensor | float]:
        """The noise of a site, and minus the logarithm of its scales, of the same shape."""
        law = self._laws[plan.name]
        if law == "delta":
            return None, 0.0
        if not isinstance(law, str):
            module = isinstance(law, nn.Module)
            noise: Tensor = (get_nested(self.conds, plan.path) if module else law)()
            return noise, 0.0
        scale = get_nested(self.scales, plan.path)
        unit = Normal(torch.zeros_like(scale), 1.0, validate_args=False).to_event(1)
        aux: Tensor = sample(f"{plan.name}_aux", unit, infer={"is_auxiliary": True})
        if law == "mvn":
            aux = (get_nested(self.scale_trils, plan.path) @ aux.unsqueeze(-1)).squeeze(-1)
        return aux * scale, -scale.log()

    def _coordinates(self) -> tuple[dict[str, Tensor], dict[str, Tensor | float]]:
        """Flat unconstrained values, and the log densities of their noise beside that drawn."""
        plans = {plan.name: plan for plan in self._plan}
        deltas: dict[str, Tensor] = {}
        values: dict[str, Tensor] = {}
        densities: dict[str, Tensor | float] = {}
        for name in self._order:
            loc = get_nested(self.locs, plans[name].path)
            delta, densities[name] = self._noise(plans[name])
            for up, kind in self._shifts.get(name, {}).items():
                if kind == "module":
                    kind = get_nested(self.deps, f"{plans[name].path}.{plans[up].path}")
                assert not isinstance(kind, str)
                shift = kind(deltas[up])
                delta = shift if delta is None else delta + shift
            deltas[name] = torch.zeros_like(loc) if delta is None else delta
            values[name] = loc + deltas[name]
        return values, densities

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Draw the latent values of the model for these arguments, by name of site."""
        flat, scales = self._coordinates()
        plates = self._create_plates(*args, **kwargs)
        values = {p.name: unflatten(p, self._shapes[p.name], flat[p.name]) for p in self._plan}
        points: dict[str, Point] = {}
        if self._moving:
            points = values_in_model(self.model, values, plates, args, kwargs)
        densities = densities_wanted()
        result: dict[str, Tensor] = {}
        for plan in self._plan:
            with ExitStack() as stack:
                self._enter_plates(stack, plan.site, plates)
                value, density = points.get(plan.name) or plan.value(values[plan.name], densities)
                if densities:
                    density = density + self._per_element(plan, scales[plan.name])
                result[plan.name] = plan.emit((value, density))
        return result

    def _per_element(self, plan: SitePlan, density: Tensor | float) -> Tensor | float:
        """Summed over the event dims of a site."""
        if not isinstance(density, Tensor):
            return density
        shape = self._shapes[plan.name]
        batch = shape[: len(shape) - plan.unconstrained_event_dim]
        return density.reshape(*batch, -1).sum(-1)

    @torch.no_grad()
    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The latent sites where no noise is, by name: the medians, if all laws are symmetric."""
        self.setup(*args, **kwargs)
        at = {
            plan.name: get_nested(self.locs, plan.path).reshape(self._shapes[plan.name])
            for plan in self._plan
        }
        if self._moving:
            batched = {name: value.unsqueeze(0) for name, value in at.items()}
            return {k: v.squeeze(0) for k, v in self._in_model(batched, args, kwargs).items()}
        return {plan.name: plan.transform(at[plan.name]).clone() for plan in self._plan}


def _all_linear(
    model: Model, names: Iterable[str], kind: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, dict[str, Dependency]]:
    """Dependencies of all later sites on the earlier ones with which they are joined."""
    known = set(names)
    graph = get_dependencies(model, args, kwargs)["posterior_dependencies"]
    shifts: dict[str, dict[str, Dependency]] = {}
    for up, downs in graph.items():
        for down in downs:
            if down != up and up in known and down in known:
                shifts.setdefault(down, {})[up] = kind
    return shifts


def _check_names(
    names: list[str], laws: Mapping[str, Conditional], shifts: Mapping[str, Mapping[str, Any]]
) -> None:
    if laws.keys() != set(names):
        odd = sorted(laws.keys() ^ set(names))
        raise InferenceError(f"conditionals must name each latent site, {names}, but see {odd}")
    for name, law in laws.items():
        if not (callable(law) or law in _KINDS):
            raise InferenceError(
                f"conditionals: {name!r} must be one of {_KINDS} or a function, but got {law!r}"
            )
    unknown = sorted({n for d, ups in shifts.items() for n in (d, *ups)} - set(names))
    if unknown:
        raise InferenceError(f"dependencies name {unknown}, but the latent sites are {names}")


def _ordered(names: list[str], shifts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sites in an order in which upstream sites come first."""
    order: list[str] = []
    waiting = list(names)
    while waiting:
        ready = [name for name in waiting if set(shifts.get(name, ())) <= set(order)]
        if not ready:
            raise InferenceError(f"the dependencies have a cycle among {waiting}")
        order.extend(ready)
        waiting = [name for name in waiting if name not in ready]
    return order
