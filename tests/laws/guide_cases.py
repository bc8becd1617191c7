"""Models with what is known of their posteriors, and the guides that are tried on them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoGaussian,
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
]

flow = functools.partial(
    dist.transforms.iterated, 2, dist.transforms.affine_autoregressive, hidden_dims=[12]
)

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
    "AutoHierarchicalNormalMessenger": AutoHierarchicalNormalMessenger,
    "AutoRegressiveMessenger": AutoRegressiveMessenger,
}

MESSENGERS = {
    "AutoHierarchicalNormalMessenger",
    "AutoNormalMessenger",
    "AutoRegressiveMessenger",
}
BY_SITE = {"AutoDelta", "AutoNormal", *MESSENGERS}  # these take sites in subsampled plates
POINTS = {"AutoDelta", "AutoLaplaceApproximation"}
