"""The base of guides over all latent coordinates as one vector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from pyro.distributions.normal import Normal
from pyro.distributions.torch_composite import TransformedDistribution
from pyro.infer.autoguide.auto_guide import AutoGuide
from pyro.infer.autoguide.constrained import values_in_model
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.plans import Point, SitePlan, densities_wanted, plan_sites, unflatten
from pyro.infer.autoguide.quantiles import Levels, constrained_quantiles, normal_quantiles
from pyro.infer.errors import SubsampleError
from pyro.infer.model.initialization import Strategy, init_to_median
from pyro.primitives.sample import sample
from pyro.rng import get_rng_state, set_rng_seed, set_rng_state
from pyro.runtime import Message

_DRAWS = 10_000


class AutoContinuous(AutoGuide):
    r"""A law of the unconstrained coordinates of all latent sites, :math:`u \in \mathbb R^d`.

    A guide has one auxiliary site, ``_<name of the guide>_latent``, with the law of :math:`u`, and
    a point mass for each latent site of the model. Latent sites in subsampled plates are refused.

    :param model: A function that calls ``pyro.sample``.
    :param init_loc_fn: The strategy that chooses the initial location.

    A subclass defines :meth:`get_posterior`, or :meth:`get_base_dist` and :meth:`get_transform`; it
    makes its parameters in ``_setup_prototype``, from ``latent_dim`` and ``_init_loc()``. It
    defines ``_loc_scale`` where the coordinates have normal marginals; otherwise quantiles are
    those of 10 000 draws.

    Example::

        >>> from pyro.infer.autoguide import AutoContinuous
        >>> class Student(AutoContinuous):  # heavier tails than a normal
        ...     def _setup_prototype(self, *args, **kwargs):
        ...         super()._setup_prototype(*args, **kwargs)
        ...         self.loc = torch.nn.Parameter(self._init_loc())
        ...     def get_posterior(self, *args, **kwargs):
        ...         return dist.StudentT(4.0, self.loc, 0.1).to_event(1)
        >>> def model():
        ...     pyro.sample("weights", dist.Dirichlet(torch.ones(3)))
        >>> guide = Student(model)
        >>> guide()["weights"].shape, guide.latent_dim
        (torch.Size([3]), 2)
        >>> list(poutine.trace(guide).get_trace().stochastic_nodes)
        ['_Student_latent', 'weights']
    """

    latent_dim: int

    def __init__(self, model: Model, init_loc_fn: Strategy = init_to_median) -> None:
        super().__init__(model)
        self.init_loc_fn = init_loc_fn
        self._plan: tuple[SitePlan, ...] = ()
        self._shapes: dict[str, torch.Size] = {}

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        self._plan = plan_sites(self._sites())
        self._shapes = {plan.name: plan.unconstrained().shape for plan in self._plan}
        self.latent_dim = sum(shape.numel() for shape in self._shapes.values())
        for plan in self._plan:
            for frame in plan.site["cond_indep_stack"]:
                if frame.full_size not in (None, -1, frame.size):
                    raise SubsampleError(
                        f"{type(self).__name__}: site {plan.name!r} is in plate {frame.name!r}, "
                        f"which subsamples {frame.size} of {frame.full_size}; a guide over one "
                        "vector needs all latent values. Use AutoNormal, or AutoGuideList with "
                        "AutoNormal for the sites in the plate."
                    )

    def _init_loc(self) -> Tensor:
        """The unconstrained coordinates of the initial values, of shape ``(latent_dim,)``."""
        parts = [plan.unconstrained().reshape(-1) for plan in self._plan]
        return torch.cat(parts).detach()

    def get_base_dist(self) -> Any:
        """The law of which the posterior is a transformation, over vectors."""
        raise NotImplementedError(f"{type(self).__name__} defines no get_base_dist()")

    def get_transform(self, *args: Any, **kwargs: Any) -> Any:
        """The transformation of the base law, learnable."""
        raise NotImplementedError(f"{type(self).__name__} defines no get_transform()")

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The law of the unconstrained coordinates, of event shape ``(latent_dim,)``."""
        return TransformedDistribution(self.get_base_dist(), self.get_transform(*args, **kwargs))

    def sample_latent(self, *args: Any, **kwargs: Any) -> Tensor:
        """Draw the unconstrained coordinates: the auxiliary site."""
        name = f"_{self._pyro_name}_latent"
        posterior = self.get_posterior(*args, **kwargs)
        value: Tensor = sample(name, posterior, infer={"is_auxiliary": True})
        return value

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Draw the latent values of the model for these arguments, by name of site."""
        latent = self.sample_latent(*args, **kwargs)
        plates = self._create_plates(*args, **kwargs)
        densities = densities_wanted()
        coordinates = self._unflatten(latent)
        points: dict[str, Point] = {}
        if self._moving:
            points = values_in_model(self.model, coordinates, plates, args, kwargs)
        result: dict[str, Tensor] = {}
        for plan in self._plan:
            with ExitStack() as stack:
                self._enter_plates(stack, plan.site, plates)
                point = points.get(plan.name) or plan.value(coordinates[plan.name], densities)
                result[plan.name] = plan.emit(point)
        return result

    def _unpack_latent(self, latent: Tensor) -> Iterator[tuple[Message, Tensor]]:
        """The latent sites, each with its unconstrained value."""
        coordinates = self._unflatten(latent)
        return ((plan.site, coordinates[plan.name]) for plan in self._plan)

    def _unflatten(self, latent: Tensor) -> dict[str, Tensor]:
        """Unconstrained values by name."""
        result, start = {}, 0
        for plan in self._plan:
            shape = self._shapes[plan.name]
            stop = start + shape.numel()
            result[plan.name] = unflatten(plan, shape, latent[..., start:stop])
            start = stop
        return result

    def _loc_scale(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor] | None:
        """Means and standard deviations of the coordinates; None if they are not normal."""
        return None

    @torch.no_grad()
    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The posterior medians of the latent sites, by name.

        A site of several dependent coordinates, such as a simplex, gets the point at their medians.
        """
        return {k: v.squeeze(0) for k, v in self.quantiles([0.5], *args, **kwargs).items()}

    @torch.no_grad()
    def quantiles(self, quantiles: Levels, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Posterior quantiles of the latent sites, by name.

        :param quantiles: Probabilities.
        :return: Tensors of shape ``(len(quantiles),) + shape of the site``.
        """
        self.setup(*args, **kwargs)
        normal = self._loc_scale(*args, **kwargs)
        if normal is not None and not self._moving:
            loc, scale = map(self._unflatten, normal)
            return {
                plan.name: constrained_quantiles(
                    plan.transform, loc[plan.name], scale[plan.name], quantiles
                )
                for plan in self._plan
            }
        if normal is not None:
            flat = normal_quantiles(*normal, quantiles)
        else:
            flat = self._drawn_quantiles(quantiles, args, kwargs)
        coordinates = self._unflatten(flat)
        if self._moving:
            return self._in_model(coordinates, args, kwargs)
        return {plan.name: plan.transform(coordinates[plan.name]) for plan in self._plan}

    def _drawn_quantiles(self, quantiles: Levels, args: Any, kwargs: Any) -> Tensor:
        """Quantiles of the coordinates by draws that are always the same."""
        state = get_rng_state()
        set_rng_seed(0)
        draws = self.get_posterior(*args, **kwargs).sample((_DRAWS,))
        set_rng_state(state)
        levels = torch.as_tensor(quantiles, dtype=draws.dtype, device=draws.device)
        return torch.quantile(draws, levels, dim=0)


def standard_normal(like: Tensor) -> Any:
    """The standard normal law of a vector."""
    zero = torch.zeros_like(like)
    return Normal(zero, torch.ones_like(zero), validate_args=False).to_event(1)
