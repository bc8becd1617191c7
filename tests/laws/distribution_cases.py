"""The table of distributions that the laws are checked on: a new family costs one row."""

from __future__ import annotations

from typing import Any

import scipy.stats as sp
import torch
from torch import Tensor

import pyro.distributions as dist
from tests.laws.cases_continuous import CONTINUOUS
from tests.laws.cases_directional import DIRECTIONAL
from tests.laws.cases_discrete import DISCRETE
from tests.laws.cases_multivariate import MULTIVARIATE
from tests.laws.cases_processes import PROCESSES
from tests.laws.cases_sequence import SEQUENCE
from tests.laws.cases_sequence_gaussian import SEQUENCE_GAUSSIAN
from tests.laws.distribution_case import Case
from tests.laws.distribution_case import row as _c

_COV = [[2.0, 0.5], [0.5, 1.0]]
_TRIL = [[1.2, 0.0], [0.4, 0.8]]
_P = [0.2, 0.5, 0.3]

CASES: list[Case] = [
    _c("normal", "Normal", lambda loc, scale: sp.norm(loc, scale), loc=0.3, scale=1.7),
    _c("normal-narrow", "Normal", lambda loc, scale: sp.norm(loc, scale), loc=-50.0, scale=1e-3),
    _c("cauchy", "Cauchy", lambda loc, scale: sp.cauchy(loc, scale), loc=-1.0, scale=0.5),
    _c("gumbel", "Gumbel", lambda loc, scale: sp.gumbel_r(loc, scale), loc=1.0, scale=2.0),
    _c("laplace", "Laplace", lambda loc, scale: sp.laplace(loc, scale), loc=1.0, scale=2.0),
    _c(
        "student",
        "StudentT",
        lambda df, loc, scale: sp.t(df, loc, scale),
        df=2.5,
        loc=1.0,
        scale=0.5,
    ),
    _c(
        "von-mises",
        "VonMises",
        lambda loc, concentration: sp.vonmises(concentration, loc),
        loc=0.4,
        concentration=2.0,
    ),
    _c("chi2", "Chi2", lambda df: sp.chi2(df), df=3.0),
    _c("exponential", "Exponential", lambda rate: sp.expon(scale=1 / rate), rate=0.7),
    _c(
        "fisher",
        "FisherSnedecor",
        lambda df1, df2: sp.f(df1, df2),
        df1=3.0,
        df2=5.0,
    ),
    _c(
        "gamma",
        "Gamma",
        lambda concentration, rate: sp.gamma(concentration, scale=1 / rate),
        concentration=2.5,
        rate=0.5,
    ),
    _c(
        "gamma-peaked",
        "Gamma",
        lambda concentration, rate: sp.gamma(concentration, scale=1 / rate),
        concentration=0.4,
        rate=3.0,
    ),
    _c(
        "generalized-pareto",
        "GeneralizedPareto",
        lambda loc, scale, concentration: sp.genpareto(concentration, loc, scale),
        loc=1.0,
        scale=2.0,
        concentration=0.3,
    ),
    _c("half-cauchy", "HalfCauchy", lambda scale: sp.halfcauchy(scale=scale), scale=2.0),
    _c("half-normal", "HalfNormal", lambda scale: sp.halfnorm(scale=scale), scale=2.0),
    _c(
        "inverse-gamma",
        "InverseGamma",
        lambda concentration, rate: sp.invgamma(concentration, scale=rate),
        concentration=3.0,
        rate=2.0,
    ),
    _c(
        "log-normal",
        "LogNormal",
        lambda loc, scale: sp.lognorm(scale, scale=torch.tensor(loc).exp()),
        loc=0.3,
        scale=0.6,
    ),
    _c(
        "pareto", "Pareto", lambda scale, alpha: sp.pareto(alpha, scale=scale), scale=1.5, alpha=3.0
    ),
    _c(
        "weibull",
        "Weibull",
        lambda scale, concentration: sp.weibull_min(concentration, scale=scale),
        scale=2.0,
        concentration=1.5,
    ),
    _c(
        "beta",
        "Beta",
        lambda concentration1, concentration0: sp.beta(concentration1, concentration0),
        concentration1=2.0,
        concentration0=3.5,
    ),
    _c(
        "beta-bathtub",
        "Beta",
        lambda concentration1, concentration0: sp.beta(concentration1, concentration0),
        concentration1=0.6,
        concentration0=0.7,
    ),
    _c("continuous-bernoulli", "ContinuousBernoulli", probs=0.3),
    _c(
        "kumaraswamy",
        "Kumaraswamy",
        concentration1=2.0,
        concentration0=1.5,
    ),
    _c("relaxed-bernoulli", "RelaxedBernoulli", temperature=0.8, probs=0.3),
    _c("uniform", "Uniform", lambda low, high: sp.uniform(low, high - low), low=-1.0, high=2.0),
    _c("bernoulli", "Bernoulli", lambda probs: sp.bernoulli(probs), probs=0.3),
    _c(
        "bernoulli-logits",
        "Bernoulli",
        lambda logits: sp.bernoulli(1 / (1 + torch.tensor(-logits).exp())),
        logits=-2.0,
    ),
    _c(
        "binomial",
        "Binomial",
        lambda total_count, probs: sp.binom(total_count, probs),
        total_count=5,
        probs=0.3,
        static=("total_count",),
    ),
    _c("categorical", "Categorical", probs=_P),
    _c("categorical-logits", "Categorical", logits=[-3.0, 0.5, 1.0, 0.0]),
    _c("geometric", "Geometric", lambda probs: sp.geom(probs, loc=-1), probs=0.3),
    _c(
        "negative-binomial",
        "NegativeBinomial",
        lambda total_count, probs: sp.nbinom(total_count, 1 - probs),
        total_count=4.0,
        probs=0.4,
    ),
    _c("poisson", "Poisson", lambda rate: sp.poisson(rate), rate=2.5),
    _c(
        "poisson-sparse",
        "Poisson",
        lambda rate, is_sparse: sp.poisson(rate),
        rate=0.2,
        is_sparse=True,
        static=("is_sparse",),
    ),
    _c("dirichlet", "Dirichlet", concentration=[0.7, 2.0, 3.0]),
    _c("lkj", "LKJCholesky", dim=3, concentration=1.5, static=("dim",)),
    _c("logistic-normal", "LogisticNormal", loc=[0.1, -0.2], scale=[1.0, 0.5]),
    _c(
        "low-rank-mvn",
        "LowRankMultivariateNormal",
        loc=[0.0, 1.0, 2.0],
        cov_factor=[[1.0], [0.5], [0.2]],
        cov_diag=[1.0, 0.5, 0.7],
    ),
    _c("multinomial", "Multinomial", total_count=4, probs=_P, static=("total_count",)),
    _c("mvn-tril", "MultivariateNormal", loc=[0.5, -1.0], scale_tril=_TRIL),
    _c("mvn-cov", "MultivariateNormal", loc=[0.5, -1.0], covariance_matrix=_COV),
    _c("mvn-prec", "MultivariateNormal", loc=[0.5, -1.0], precision_matrix=_COV),
    _c("one-hot", "OneHotCategorical", probs=_P),
    _c("one-hot-st", "OneHotCategoricalStraightThrough", logits=[0.1, 0.5, -1.0]),
    _c(
        "relaxed-one-hot",
        "RelaxedOneHotCategorical",
        temperature=0.9,
        probs=_P,
        static=("temperature",),
    ),
    _c("wishart", "Wishart", df=4.0, covariance_matrix=_COV),
    _c("delta", "Delta", v=1.5),
    Case(
        "delta-vector",
        dist.Delta,
        {"v": [1.0, 2.0], "event_dim": 1},
        event_dims={"v": 1},
        static=("event_dim",),
    ),
    _c("unit", "Unit", log_factor=0.7),
    Case(
        "improper",
        lambda x: dist.ImproperUniform(dist.constraints.positive, x.shape, (2,)),
        {"x": 1.0},
    ),
    Case(
        "empirical",
        lambda x: dist.Empirical(x, x.cumsum(-1)),
        {"x": [1.0, 2.0, 4.0]},
        event_dims={"x": 1},
    ),
    Case(
        "mixture",
        lambda probs, x: dist.MixtureSameFamily(
            dist.Categorical(probs), dist.Normal(x, torch.ones_like(x))
        ),
        {"probs": _P, "x": [-2.0, 0.0, 3.0]},
        event_dims={"probs": 1, "x": 1},
    ),
    Case(
        "transformed",
        lambda loc: dist.TransformedDistribution(
            dist.Normal(loc, torch.ones_like(loc)), [dist.transforms.ExpTransform()]
        ),
        {"loc": 0.3},
    ),
    Case(
        "independent",
        lambda loc: dist.Normal(loc, torch.full_like(loc, 2.0)).to_event(1),
        {"loc": [0.3, 0.5]},
        event_dims={"loc": 1},
    ),
    Case(
        "masked",
        lambda loc: dist.Normal(loc, 1.0).mask(torch.ones(loc.shape, dtype=torch.bool)),
        {"loc": 0.3},
    ),
    Case(
        "expanded",
        lambda loc: dist.ExpandedDistribution(dist.Normal(loc, torch.ones_like(loc)), loc.shape),
        {"loc": 0.3},
    ),
]

# The parts of the table that have files of their own: add a line for yours.
CASES += CONTINUOUS
CASES += DIRECTIONAL
CASES += DISCRETE
CASES += MULTIVARIATE
CASES += PROCESSES
CASES += SEQUENCE

CASES += SEQUENCE_GAUSSIAN

BATCH_SHAPES: list[tuple[int, ...]] = [(), (2,), (3, 1)]


def draw(distribution: Any, sample_shape: tuple[int, ...] = ()) -> Tensor:
    """A value in the support, also where there is nothing to draw from."""
    if isinstance(distribution, dist.ImproperUniform):
        return torch.ones(distribution.shape(sample_shape), dtype=torch.float64)
    return distribution.sample(torch.Size(sample_shape))
