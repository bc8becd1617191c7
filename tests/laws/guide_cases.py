"""Models with what is known of their posteriors, and the guides that are tried on them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.contrib.easyguide import EasyGuide
from pyro.distributions import constraints
from pyro.infer import Trace_ELBO, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import (
    AutoCallable,
    AutoDelta,
    AutoDiagonalNormal,
    AutoDiscreteParallel,
    AutoGaussian,
    AutoGuideList,
    AutoHierarchicalNormalMessenger,
    AutoIAFNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
    AutoNormalizingFlow,
    AutoNormalMessenger,
    AutoRegressiveMessenger,
    AutoStructured,
)
from pyro.nn import AutoRegressiveNN


@dataclass(frozen=True)
class ModelCase:
    """A model, its arguments, and supports and references of its latent sites."""

    name: str
    model: Callable[..., Any]
    args: tuple[Any, ...]
    supports: dict[str, Any]
    means: dict[str, tuple[list[float], float]] = field(default_factory=dict)  # value, tolerance
    subsampled: bool = False
    steps: int = 400
    elbo: Callable[..., Any] = Trace_ELBO


EFFECT = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
STDDEV = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def eight_schools(stddev: Tensor, effect: Tensor) -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("school", len(stddev)):
        eta = pyro.sample("eta", dist.Normal(0.0, 1.0))
        pyro.sample("effect", dist.Normal(mu + tau * eta, stddev), obs=effect)


def linear_regression(x: Tensor, y: Tensor) -> None:
    """With a known noise the posterior is normal."""
    weights = pyro.sample("weights", dist.Normal(x.new_zeros(x.shape[-1]), 1.0).to_event(1))
    intercept = pyro.sample("intercept", dist.Normal(x.new_zeros(()), 1.0))
    mean = (x @ weights.unsqueeze(-1)).squeeze(-1) + intercept.unsqueeze(-1)
    pyro.sample("y", dist.Normal(mean, 0.7).to_event(1), obs=y)


def regression_data() -> tuple[Tensor, Tensor]:
    """Standardised body mass index, blood pressure and s5 of 442 patients; disease progression."""
    data = load_diabetes()
    x = torch.tensor(data.data[:, [2, 3, 8]]).float()
    y = torch.tensor(data.target).float()
    return (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()


def regression_posterior() -> tuple[Tensor, Tensor]:
    """Mean and covariance of (weights, intercept), exactly."""
    x, y = (t.double() for t in regression_data())
    design = torch.cat([x, torch.ones(len(x), 1).double()], 1)
    covariance = torch.linalg.inv(design.mT @ design / 0.49 + torch.eye(4).double())
    return covariance @ design.mT @ y / 0.49, covariance


def simplex(counts: Tensor) -> None:
    p = pyro.sample("p", dist.Dirichlet(torch.full((3,), 2.0)))
    pyro.sample("counts", dist.Multinomial(int(counts.sum()), p), obs=counts)


def correlation(y: Tensor) -> None:
    factor = pyro.sample("factor", dist.LKJCholesky(2, 1.0))
    with pyro.plate("data", len(y)):
        pyro.sample("y", dist.MultivariateNormal(torch.zeros(2), scale_tril=factor), obs=y)


def correlated_data() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(200, 2, generator=generator)
    return torch.stack([noise[:, 0], 0.8 * noise[:, 0] + 0.6 * noise[:, 1]], -1)


def ordered(y: Tensor) -> None:
    """Cutpoints of three grades."""
    base = dist.Normal(0.0, 2.0).expand([2]).to_event(1)
    ordering = dist.transforms.OrderedTransform()
    cuts = pyro.sample("cuts", dist.TransformedDistribution(base, ordering))
    with pyro.plate("data", len(y)):
        pyro.sample("y", dist.OrderedLogistic(torch.zeros(()), cuts), obs=y)


def subsampled(y: Tensor) -> None:
    """A random effect for each of the data, of which a part is seen at a time."""
    mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(y), subsample_size=5) as index:
        z = pyro.sample("z", dist.Normal(mu, 1.0))
        pyro.sample("y", dist.Normal(z, 1.0), obs=y[index])


def triangle(y: Tensor) -> None:
    """The support of one site ends where another one says."""
    alpha = pyro.sample("alpha", dist.Uniform(0.0, 1.0))
    beta = pyro.sample("beta", dist.Uniform(torch.zeros(()), 1.0 - alpha))
    pyro.sample("y", dist.Normal(alpha + beta, 0.1), obs=y)


def mixture(y: Tensor) -> None:
    """Two groups, and how far the second is from the first."""
    shift = pyro.sample("shift", dist.Normal(0.0, 2.0))
    with pyro.plate("data", len(y)):
        z = pyro.sample("z", dist.Bernoulli(0.5))
        pyro.sample("y", dist.Normal(shift * z, 0.5), obs=y)


def mixture_data() -> Tensor:
    """Normal quantiles around 0 and 3."""
    group = dist.Normal(0.0, 0.5).icdf(torch.linspace(0.05, 0.95, 10))
    return torch.cat([group, 3.0 + group])


MODELS = [
    ModelCase(
        "eight schools",
        eight_schools,
        (STDDEV, EFFECT),
        {"mu": constraints.real, "tau": constraints.positive, "eta": constraints.real},
        {"mu": ([4.4], 1.0)},  # Stan's reference: mean 4.4, standard deviation 3.3
        steps=1200,
    ),
    ModelCase(
        "regression",
        linear_regression,
        regression_data(),
        {"weights": constraints.real_vector, "intercept": constraints.real},
        {"weights": (regression_posterior()[0][:3].tolist(), 0.06)},
        steps=1200,
    ),
    ModelCase(
        "simplex",
        simplex,
        (torch.tensor([10.0, 20.0, 30.0]),),
        {"p": constraints.simplex},
        {"p": ([12 / 66, 22 / 66, 32 / 66], 0.03)},
    ),
    ModelCase(
        "correlation",
        correlation,
        (correlated_data(),),
        {"factor": constraints.corr_cholesky},
        {"factor": ([1.0, 0.0, 0.8, 0.6], 0.1)},
    ),
    ModelCase(
        "ordered",
        ordered,
        (torch.tensor([0.0] * 10 + [1.0] * 20 + [2.0] * 10),),
        {"cuts": constraints.ordered_vector},
        {"cuts": ([-1.05, 1.05], 0.3)},  # logit(1/4) = -1.099, drawn towards 0 by the prior
    ),
    ModelCase(
        "subsampled",
        subsampled,
        (torch.linspace(0.0, 2.0, 10),),
        {"mu": constraints.real, "z": constraints.real},
        {"mu": ([10 / 12], 0.4)},  # N(0, 1) and ten observations of variance 2, of mean 1
        subsampled=True,
    ),
    ModelCase(
        "triangle",
        triangle,
        (torch.tensor(0.6),),
        {"alpha": constraints.unit_interval, "beta": constraints.unit_interval},
        {"alpha": ([0.3], 0.2)},
    ),
    ModelCase(
        "summed",
        config_enumerate(mixture),
        (mixture_data(),),
        {"shift": constraints.real},
        {"shift": ([2.99], 0.15)},  # ten observations of variance 1/4 and the prior; sd 0.16
        elbo=TraceEnum_ELBO,
    ),
    ModelCase(
        "discrete",
        mixture,
        (mixture_data(),),
        {"shift": constraints.real, "z": constraints.boolean},
        {"shift": ([2.99], 0.15), "z": ([0.0] * 10 + [1.0] * 10, 0.0)},
        elbo=TraceEnum_ELBO,
    ),
]


def flow(dim: int) -> Any:
    """Two flows in the order of the coordinates; a random order would not be in the store."""
    networks = [AutoRegressiveNN(dim, [12], permutation=torch.arange(dim)) for _ in range(2)]
    return dist.transforms.ComposeTransformModule(
        [dist.transforms.AffineAutoregressive(network) for network in networks]
    )


LATER: dict[Any, tuple[Callable[..., Any], list[str]]] = {
    eight_schools: (AutoMultivariateNormal, ["eta"]),
    linear_regression: (AutoDelta, ["intercept"]),
    subsampled: (AutoNormal, ["z"]),
    triangle: (AutoNormal, ["beta"]),
    mixture: (AutoDiscreteParallel, ["z"]),
}


def parts(model: Callable[..., Any], first: Callable[..., Any] = AutoNormal) -> AutoGuideList:
    """A list of a guide for some sites, and one of another kind for the others."""
    guide = AutoGuideList(model)
    kind, names = LATER.get(model, (None, []))
    guide.append(first(poutine.block(model, hide=names)))
    if kind is not None:
        guide.append(kind(poutine.block(model, expose=names)))
    return guide


class ByHand(EasyGuide):
    """A normal law for each site, within its plates."""

    def guide(self, *args: Any) -> None:
        for name in [plan.name for plan in self._plan]:
            group = self.group(match=re.escape(name) + "$")
            frames = group.prototype_sites[0]["cond_indep_stack"]
            with ExitStack() as stack:
                for f in frames:
                    stack.enter_context(self.plate(f.name, f.full_size or f.size, f.size))
                full = torch.Size([f.full_size or f.size for f in frames]) + group.event_shape
                loc = pyro.param(f"{name}_loc", torch.zeros(full), event_dim=1)
                spread = pyro.param(
                    f"{name}_scale", torch.full(full, 0.1), constraints.positive, event_dim=1
                )
                group.sample(f"{name}_flat", dist.Normal(loc, spread).to_event(1))


def by_function(model: Callable[..., Any]) -> AutoCallable:
    """A plain function, with parameters in the store."""
    sites = ByHand(model)

    def guide(*args: Any) -> None:
        sites.setup(*args)
        sites.plates.clear()
        sites.guide(*args)  # no call of a module: the parameters are the AutoCallable's

    return AutoCallable(model, guide)


def hierarchical(model: Callable[..., Any]) -> Any:
    """Without the sites whose priors have no mean."""
    sites = ["mu", "eta"] if model is eight_schools else None
    sites = [] if model in (correlation, ordered) else sites
    return AutoHierarchicalNormalMessenger(model, hierarchical_sites=sites)


def regressive(model: Callable[..., Any]) -> Any:
    """From the prior; but under that of a correlation the bound has no mean."""
    return AutoRegressiveMessenger(model, init_scale=0.1 if model is correlation else 1.0)


GUIDES: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "AutoDelta": AutoDelta,
    "AutoNormal": AutoNormal,
    "AutoDiagonalNormal": AutoDiagonalNormal,
    "AutoMultivariateNormal": AutoMultivariateNormal,
    "AutoLowRankMultivariateNormal": AutoLowRankMultivariateNormal,
    "AutoLaplaceApproximation": AutoLaplaceApproximation,
    "AutoNormalizingFlow": functools.partial(AutoNormalizingFlow, init_transform_fn=flow),
    "AutoIAFNormal": AutoIAFNormal,
    "AutoGaussian": AutoGaussian,
    "AutoStructured": AutoStructured,
    "AutoNormalMessenger": AutoNormalMessenger,
    "AutoHierarchicalNormalMessenger": hierarchical,
    "AutoRegressiveMessenger": regressive,
    "AutoGuideList": parts,
    "AutoDiscreteParallel": functools.partial(parts, first=AutoDelta),
    "AutoCallable": by_function,
    "EasyGuide": ByHand,
}

MESSENGERS = {
    "AutoHierarchicalNormalMessenger",
    "AutoNormalMessenger",
    "AutoRegressiveMessenger",
}
BY_HAND = {"AutoCallable", "EasyGuide"}
LISTS = {"AutoGuideList", "AutoDiscreteParallel"}
# these take sites in subsampled plates
BY_SITE = {"AutoDelta", "AutoNormal", "AutoGuideList", *MESSENGERS, *BY_HAND}
POINTS = {"AutoDelta", "AutoLaplaceApproximation"}
WITHOUT_MEDIANS = {"AutoRegressiveMessenger", *BY_HAND}


def excluded(guide: str, case: str) -> str:
    """Why a guide is not for a model; empty if it is."""
    if case == "discrete" and guide not in LISTS:
        return "it has a law for continuous sites only"
    if guide == "AutoDiscreteParallel" and case != "discrete":
        return "there is no discrete site"
    if case == "subsampled" and guide not in BY_SITE:
        return "a vector of all coordinates has no parts"
    if case == "triangle" and guide in {"AutoGuideList", *BY_HAND}:
        return "the support of a site depends on one that is drawn elsewhere"
    return ""


PAIRS = [(guide, case) for guide in GUIDES for case in MODELS if not excluded(guide, case.name)]
