"""Independent discrete laws, summed out in parallel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.distributions import constraints
from pyro.distributions.bernoulli import Bernoulli
from pyro.distributions.categorical import Categorical
from pyro.distributions.torch import OneHotCategorical
from pyro.errors import SiteError
from pyro.infer.autoguide.auto_guide import AutoGuide, CreatePlates
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.paths import attribute_paths
from pyro.infer.autoguide.site_parameters import for_all_data
from pyro.infer.model.initialization import Strategy, init_to_sample
from pyro.nn.nested import get_nested, set_nested
from pyro.nn.pyro_param import PyroParam
from pyro.primitives.sample import sample


class _Family(NamedTuple):
    """How a discrete law is parameterised: the event dims of its probabilities, and its mode."""

    law: Callable[..., Any]
    constraint: Any
    event_dim: int
    mode: Callable[[Tensor], Tensor]


def _one_hot_mode(probs: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(probs.argmax(-1), probs.shape[-1]).to(probs)


_FAMILIES: dict[type, _Family] = {
    Bernoulli: _Family(Bernoulli, constraints.unit_interval, 0, lambda p: (p > 0.5).to(p)),
    Categorical: _Family(Categorical, constraints.simplex, 1, lambda p: p.argmax(-1)),
    OneHotCategorical: _Family(OneHotCategorical, constraints.simplex, 1, _one_hot_mode),
}


class AutoDiscreteParallel(AutoGuide):
    r"""Independent laws of discrete sites, with a probability for each value, :math:`q(z = k)`.

    The sites are enumerated in parallel, so the objective is :class:`~pyro.infer.TraceEnum_ELBO`.
    Where the sites can be summed out of the model itself (``config_enumerate(model)``, without a
    guide for them) that is exact, and better. For Bernoulli, Categorical and OneHotCategorical
    sites, which start from their prior probabilities in the prototype run. The parameters are
    ``<site>_probs``.

    :param model: The part of the model with the discrete sites.
    :param create_plates: As in :class:`AutoGuide`.

    Example::

        >>> from pyro.infer import SVI, TraceEnum_ELBO
        >>> from pyro.infer.autoguide import AutoDiscreteParallel
        >>> def model(x):
        ...     z = pyro.sample("z", dist.Categorical(torch.tensor([0.5, 0.5])))
        ...     pyro.sample("x", dist.Normal(torch.tensor([-1.0, 1.0])[z], 1.0), obs=x)
        >>> guide = AutoDiscreteParallel(model)
        >>> x = torch.tensor(0.5)
        >>> svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), TraceEnum_ELBO())
        >>> losses = [svi.step(x) for _ in range(200)]
        >>> guide.z_probs.detach()  # 1 / (1 + exp(-2 x)) = 0.7311
        tensor([0.2689, 0.7311])
    """

    init_loc_fn: Strategy = staticmethod(init_to_sample)

    def __init__(self, model: Model, *, create_plates: CreatePlates | None = None) -> None:
        super().__init__(model, create_plates=create_plates)
        self._paths: dict[str, str] = {}

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        paths = attribute_paths(self._sites())
        for name, site in self._sites().items():
            family, probs = _described(name, site["fn"])
            self._paths[name] = path = paths[name] + "_probs"
            shape = site["fn"].batch_shape + probs.shape[probs.dim() - family.event_dim :]
            initial = for_all_data(site, probs.expand(shape), family.event_dim)
            set_nested(self, path, PyroParam(initial, family.constraint, family.event_dim))

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Draw (or enumerate) the discrete sites, by name."""
        plates = self._create_plates(*args, **kwargs)
        result: dict[str, Tensor] = {}
        for name, site in self._sites().items():
            with ExitStack() as stack:
                self._enter_plates(stack, site, plates)
                fn = _FAMILIES[_family(site["fn"])].law(get_nested(self, self._paths[name]))
                result[name] = sample(name, fn, infer={"enumerate": "parallel"})
        return result

    @torch.no_grad()
    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The most probable values, by name of site, for all data: an order is not assumed."""
        self.setup(*args, **kwargs)
        return {
            name: _FAMILIES[_family(site["fn"])].mode(get_nested(self, self._paths[name]))
            for name, site in self._sites().items()
        }


def _family(fn: Any) -> type:
    """The family below expansions and masks."""
    while type(fn) not in _FAMILIES and hasattr(fn, "base_dist"):
        fn = fn.base_dist
    return type(fn)


def _described(name: str, fn: Any) -> tuple[_Family, Tensor]:
    """The family of a site and its prior probabilities, moved off the boundary.

    :raises SiteError: if it is none of those that are known.
    """
    family = _FAMILIES.get(_family(fn))
    if family is None:
        known = ", ".join(sorted(kind.__name__ for kind in _FAMILIES))
        raise SiteError(
            f"AutoDiscreteParallel: site {name!r} has the law {fn}, but only {known} are "
            "supported. Hide the other sites, poutine.block(model, hide=[...]), and give them a "
            "guide of their own in an AutoGuideList."
        )
    while not hasattr(fn, "probs"):
        fn = fn.base_dist
    probs: Tensor = fn.probs.detach().clamp(1e-3, 1 - 1e-3)
    return family, probs / probs.sum(-1, keepdim=True) if family.event_dim else probs
