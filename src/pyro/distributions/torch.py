"""Every family of ``torch.distributions``, with Pyro's shape methods.

Families that this version of torch has and that have no page of their own yet are wrapped
generically, so that none is missing.
"""

from __future__ import annotations

import torch.distributions as td

from pyro.distributions import (
    torch_composite,
    torch_discrete,
    torch_interval,
    torch_multivariate,
    torch_positive,
    torch_real,
)
from pyro.distributions.bernoulli import Bernoulli
from pyro.distributions.beta import Beta
from pyro.distributions.binomial import Binomial
from pyro.distributions.categorical import Categorical
from pyro.distributions.dirichlet import Dirichlet
from pyro.distributions.exponential import Exponential
from pyro.distributions.gamma import Gamma
from pyro.distributions.generalized_pareto import GeneralizedPareto
from pyro.distributions.half_cauchy import HalfCauchy
from pyro.distributions.half_normal import HalfNormal
from pyro.distributions.log_normal import LogNormal
from pyro.distributions.low_rank_multivariate_normal import LowRankMultivariateNormal
from pyro.distributions.normal import Normal
from pyro.distributions.poisson import Poisson
from pyro.distributions.torch_composite import *  # noqa: F403
from pyro.distributions.torch_discrete import *  # noqa: F403
from pyro.distributions.torch_distribution import Independent, TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.torch_interval import *  # noqa: F403
from pyro.distributions.torch_multivariate import *  # noqa: F403
from pyro.distributions.torch_positive import *  # noqa: F403
from pyro.distributions.torch_real import *  # noqa: F403
from pyro.distributions.uniform import Uniform
from pyro.distributions.wishart import Wishart

_MODULES = (
    torch_composite,
    torch_discrete,
    torch_interval,
    torch_multivariate,
    torch_positive,
    torch_real,
)


def _unlisted(known: set[str]) -> dict[str, type[td.Distribution]]:
    """Wrapped versions of the torch families that no module of ours lists."""
    wrapped: dict[str, type[td.Distribution]] = {}
    for name in td.__all__:
        family = getattr(td, name)
        concrete = isinstance(family, type) and issubclass(family, td.Distribution)
        if name in known or not concrete or family in (td.Distribution, td.ExponentialFamily):
            continue
        body = {"__doc__": family.__doc__, "__module__": __name__}
        wrapped[name] = torch_family(type(name, (family, TorchDistribution), body))
    return wrapped


_OWN = (
    Bernoulli,
    Beta,
    Binomial,
    Categorical,
    Dirichlet,
    Exponential,
    Gamma,
    LowRankMultivariateNormal,
    Wishart,
    GeneralizedPareto,
    HalfCauchy,
    HalfNormal,
    Independent,
    LogNormal,
    Normal,
    Poisson,
    Uniform,
)
_LISTED = {
    *(f.__name__ for f in _OWN),
    *(name for module in _MODULES for name in module.__all__),
}
_UNLISTED = _unlisted(_LISTED)
globals().update(_UNLISTED)

ExponentialFamily = td.ExponentialFamily

__all__ = sorted({"ExponentialFamily", *_LISTED, *_UNLISTED})
