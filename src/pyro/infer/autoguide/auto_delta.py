"""Point estimates."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from pyro.distributions import constraints
from pyro.distributions.delta import Delta
from pyro.infer.autoguide.auto_guide import AutoGuide, CreatePlates
from pyro.infer.autoguide.constrained import values_in_model
from pyro.infer.autoguide.held_model import Model
from pyro.infer.autoguide.paths import attribute_paths, deep_get, deep_set
from pyro.infer.autoguide.plans import SitePlan, plan_sites
from pyro.infer.autoguide.site_parameters import for_all_data
from pyro.infer.model.initialization import Strategy, init_to_median
from pyro.nn.pyro_param import PyroParam
from pyro.primitives.sample import sample


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
        self._paths: dict[str, str] = {}

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
