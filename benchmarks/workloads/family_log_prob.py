"""Time of ``log_prob`` and its gradient on 10^4 elements, for each family of distributions.

One evaluation makes the distribution, scores one value, and takes the gradient of the sum with
respect to all parameters and, of a density, to the value. Each element has parameters of its own;
validation is on. Of vectors and matrices there are as many as make 10^4 numbers. What a library
does not have is left out there.
"""

from __future__ import annotations

from typing import Any

import torch
from harness.draws import (
    between,
    correlation,
    correlation_tril,
    counts,
    direction,
    increasing,
    positive,
    positive_definite,
    real,
    simplex,
    tril,
    unit,
)
from harness.gradients import Scored, report_scores
from harness.timing import THREADS
from torch import Tensor
from torch.nn.functional import one_hot

import pyro
import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.distributions.transforms import AffineTransform, ExpTransform

torch.set_num_threads(THREADS)
pyro.set_rng_seed(0)

N = 10_000
K = 10  # entries of a vector, categories
B = N // K
M = N // K**2  # matrices
A = 100  # pairs of angles; more are too slow to measure with the peer
V = 142  # vertices; the complete graph has 10,011 edges
ROWS: dict[str, Scored | None] = {}


def row(case: str, value: Tensor, build: Any = None, *, latent: bool = False, **given: Any) -> None:
    """A case: ``build(**given)``, by default the family of its first word, scores ``value``.

    A latent value is a new tensor each time, as in a fit: what a library remembers is of no use.
    """
    family = case.split()[0]
    leaves = [t for t in (*given.values(), value) if isinstance(t, Tensor) and t.requires_grad]

    def score() -> Tensor:
        made: Any = (build or getattr(dist, family))(**given)
        return made.log_prob(value * 1.0 if latent else value)  # type: ignore[no-any-return]

    ROWS[case] = Scored(score, leaves) if hasattr(dist, family) else None


# ---------------------------------------------------------------- densities of numbers

row("Normal", real(N), loc=real(N), scale=positive(N))
row("Cauchy", real(N), loc=real(N), scale=positive(N))
row("Gumbel", real(N), loc=real(N), scale=positive(N))
row("Laplace", real(N), loc=real(N), scale=positive(N))
row("Logistic", real(N), loc=real(N), scale=positive(N))
row("StudentT", real(N), df=positive(N), loc=real(N), scale=positive(N))
row("VonMises", real(N), loc=real(N), concentration=positive(N))
row("SkewLogistic", real(N), loc=real(N), scale=positive(N), asymmetry=positive(N))
row("SkewNormal", real(N), loc=real(N), scale=positive(N), skew=real(N))
row("SoftLaplace", real(N), loc=real(N), scale=positive(N))
row("AsymmetricLaplace", real(N), loc=real(N), scale=positive(N), asymmetry=positive(N))
row(
    "SoftAsymmetricLaplace",
    real(N),
    loc=real(N),
    scale=positive(N),
    asymmetry=positive(N),
    softness=positive(N),
)
row("ExponentiallyModifiedGaussian", real(N), loc=real(N), scale=positive(N), rate=positive(N))
row(
    "StableWithLogProb",
    real(N),
    stability=between(1.1, 1.9, N),
    skew=unit(N),
    scale=positive(N),
    loc=real(N),
)
row("NanMaskedNormal", real(N), loc=real(N), scale=positive(N))
row("Exponential", positive(N), rate=positive(N))
row("Gamma", positive(N), concentration=positive(N), rate=positive(N))
row("Chi2", positive(N), df=positive(N))
row("FisherSnedecor", positive(N), df1=positive(N), df2=positive(N))
row("InverseGamma", positive(N), concentration=positive(N), rate=positive(N))
row("HalfCauchy", positive(N), scale=positive(N))
row("HalfNormal", positive(N), scale=positive(N))
row("LogNormal", positive(N), loc=real(N), scale=positive(N))
row("Pareto", between(1.0, 3.0, N), scale=unit(N), alpha=positive(N))
row(
    "GeneralizedPareto",
    positive(N),
    loc=between(-2.0, 0.0, N),
    scale=positive(N),
    concentration=unit(N),
)
row("Weibull", positive(N), scale=positive(N), concentration=positive(N))
row("Wald", positive(N), loc=positive(N), concentration=positive(N))
row("TruncatedPolyaGamma", unit(N), prototype=torch.zeros(N))
row("Beta", unit(N), concentration1=positive(N), concentration0=positive(N))
row(
    "AffineBeta",
    unit(N),
    concentration1=positive(N),
    concentration0=positive(N),
    loc=between(-2.0, 0.0, N),
    scale=between(3.0, 4.0, N),
)
row("Kumaraswamy", unit(N), concentration1=positive(N), concentration0=positive(N))
row("ContinuousBernoulli", unit(N), probs=unit(N))
row("RelaxedBernoulli", unit(N), temperature=torch.tensor(0.7), logits=real(N))
row("RelaxedBernoulliStraightThrough", unit(N), temperature=torch.tensor(0.7), logits=real(N))
row("Uniform", unit(N), low=between(-2.0, 0.0, N), high=between(1.0, 2.0, N))

# ---------------------------------------------------------------- masses of numbers

TRIALS = torch.full((N,), 9.0)

row("Bernoulli probs", counts(N, high=1), probs=unit(N))
row("Bernoulli logits", counts(N, high=1), logits=real(N))
row("Binomial probs", counts(N), total_count=TRIALS, probs=unit(N))
row("Binomial logits", counts(N), total_count=TRIALS, logits=real(N))
row("ExtendedBinomial", counts(N), total_count=TRIALS, logits=real(N))
row(
    "BetaBinomial",
    counts(N),
    concentration1=positive(N),
    concentration0=positive(N),
    total_count=TRIALS,
)
row(
    "ExtendedBetaBinomial",
    counts(N),
    concentration1=positive(N),
    concentration0=positive(N),
    total_count=TRIALS,
)
row("Geometric probs", counts(N), probs=unit(N))
row("Geometric logits", counts(N), logits=real(N))
row("NegativeBinomial probs", counts(N), total_count=positive(N), probs=unit(N))
row("NegativeBinomial logits", counts(N), total_count=positive(N), logits=real(N))
row("Poisson", counts(N), rate=positive(N))
row("Poisson sparse", counts(N, high=1), rate=positive(N), is_sparse=True)
row("GammaPoisson", counts(N), concentration=positive(N), rate=positive(N))
row(
    "LogNormalNegativeBinomial",
    counts(N),
    total_count=positive(N),
    logits=real(N),
    multiplicative_noise_scale=positive(N),
)
row("ZeroInflatedPoisson", counts(N), rate=positive(N), gate=unit(N))
row(
    "ZeroInflatedNegativeBinomial",
    counts(N),
    total_count=positive(N),
    logits=real(N),
    gate=unit(N),
)
row("OrderedLogistic", counts(N).long(), predictor=real(N), cutpoints=increasing(N, K - 1))
row("OrderedProbit", counts(N).long(), predictor=real(N), cutpoints=increasing(N, K - 1))
row("Skellam", counts(N), rate1=positive(N), rate2=positive(N))
row("DiscreteWeibull", counts(N), q=unit(N), beta=positive(N))

# ---------------------------------------------------------------- categories and shares

CATEGORY = counts(B, high=K - 1).long()
HOT = one_hot(CATEGORY, K).float()
SHARES = one_hot(torch.randint(K, (B, 20)), K).sum(-2).float()
TEMPERATURE = torch.tensor(0.7)

row("Categorical probs", CATEGORY, probs=simplex(B, K))
row("Categorical logits", CATEGORY, logits=real(B, K))
row("OneHotCategorical probs", HOT, probs=simplex(B, K))
row("OneHotCategorical logits", HOT, logits=real(B, K))
row("OneHotCategoricalStraightThrough", HOT, logits=real(B, K))
row("Multinomial probs", SHARES, total_count=20, probs=simplex(B, K))
row("Multinomial logits", SHARES, total_count=20, logits=real(B, K))
row("DirichletMultinomial", SHARES, total_count=20, concentration=positive(B, K))
row(
    "DirichletMultinomial sparse",
    SHARES,
    total_count=20,
    concentration=positive(B, K),
    is_sparse=True,
)
row("Dirichlet", simplex(B, K), concentration=positive(B, K))
row("LogisticNormal", simplex(B, K), loc=real(B, K - 1), scale=positive(B, K - 1))
row("RelaxedOneHotCategorical", simplex(B, K), temperature=TEMPERATURE, logits=real(B, K))
row(
    "RelaxedOneHotCategoricalStraightThrough",
    simplex(B, K),
    temperature=TEMPERATURE,
    logits=real(B, K),
)

# ---------------------------------------------------------------- vectors and matrices

row("MultivariateNormal scale_tril", real(B, K), loc=real(B, K), scale_tril=tril(B, K, K))
row(
    "MultivariateNormal covariance",
    real(B, K),
    loc=real(B, K),
    covariance_matrix=positive_definite(B, K, K),
)
row(
    "MultivariateNormal precision",
    real(B, K),
    loc=real(B, K),
    precision_matrix=positive_definite(B, K, K),
)
row("MultivariateNormal shared", real(B, K), loc=real(K), scale_tril=tril(K, K))
row("NanMaskedMultivariateNormal", real(B, K), loc=real(B, K), scale_tril=tril(B, K, K))
row(
    "LowRankMultivariateNormal",
    real(B, K),
    loc=real(B, K),
    cov_factor=real(B, K, 2),
    cov_diag=positive(B, K),
)
row("MultivariateStudentT", real(B, K), df=positive(B), loc=real(B, K), scale_tril=tril(B, K, K))
row("OMTMultivariateNormal", real(B, K), loc=real(K), scale_tril=tril(K, K))
row(
    "AVFMultivariateNormal",
    real(B, K),
    loc=real(K),
    scale_tril=tril(K, K),
    control_var=real(2, 1, K),
)
row(
    "MixtureOfDiagNormals",
    real(B, K),
    locs=real(4, K),
    coord_scale=positive(4, K),
    component_logits=real(4),
)
row(
    "MixtureOfDiagNormalsSharedCovariance",
    real(B, K),
    locs=real(4, K),
    coord_scale=positive(K),
    component_logits=real(4),
)
row(
    "GaussianScaleMixture",
    real(B),
    coord_scale=positive(B),
    component_logits=real(K),
    component_scale=positive(K),
)
row(
    "GroupedNormalNormal",
    real(N),
    prior_loc=real(K),
    prior_scale=positive(K),
    obs_scale=positive(N),
    group_idx=torch.randint(K, (N,)),
)
row("ProjectedNormal 2", direction(N // 2, 2), concentration=real(N // 2, 2))
row("ProjectedNormal 3", direction(N // 3, 3), concentration=real(N // 3, 3))
row("VonMises3D", direction(N // 3, 3), concentration=real(N // 3, 3))
row(
    "SineBivariateVonMises 200",
    real(A, 2).clamp(-3, 3).detach().requires_grad_(),
    phi_loc=real(A),
    psi_loc=real(A),
    phi_concentration=positive(A),
    psi_concentration=positive(A),
    weighted_correlation=unit(A),
)
row(
    "SineSkewed",
    between(-3.0, 3.0, N // 2, 2),
    lambda skewness, **given: dist.SineSkewed(dist.VonMises(**given).to_event(1), skewness),
    skewness=between(-0.4, 0.4, N // 2, 2),
    loc=real(N // 2, 2),
    concentration=positive(N // 2, 2),
)
row("LKJCholesky", correlation_tril(M, K, K), dim=K, concentration=positive(M))
row("LKJ", correlation(M, K, K), dim=K, concentration=positive(M))
row(
    "Wishart",
    positive_definite(M, K, K),
    df=between(10.0, 20.0, M),
    scale_tril=tril(M, K, K),
)

# ---------------------------------------------------------------- combinatorial structures

LEAVES = torch.arange(51) / 10
TIMES = (-torch.rand(B // 5, 50)).sort().values.requires_grad_()
TREE = torch.stack([torch.zeros(V - 1), torch.arange(1, V)], -1).long()

row("CoalescentTimes", TIMES, leaf_times=LEAVES, rate=positive(B // 5), latent=True)
GRID = positive(B // 5, K)
row("CoalescentTimesWithRate", TIMES, leaf_times=LEAVES, rate_grid=GRID, latent=True)
row("SpanningTree", TREE, edge_logits=real(V * (V - 1) // 2))
row("OneOneMatching", torch.randperm(100), logits=real(100, 100), bp_iters=10)
row("OneTwoMatching", torch.randperm(140) % 70, logits=real(140, 70), bp_iters=10)

# ---------------------------------------------------------------- families made of others

MASK = torch.arange(N) % 2 == 0


POINT = real(N)

row("Delta", POINT.detach().clone(), v=POINT)
row("Delta log_density", POINT.detach().clone(), v=POINT, log_density=real(N))
row("Unit", torch.empty(N, 0), log_factor=real(N))
row("Empirical", torch.tensor(1.0), samples=counts(N), log_weights=real(N))
row(
    "ImproperUniform",
    positive(N),
    support=constraints.positive,
    batch_shape=(N,),
    event_shape=(),
)
row(
    "Independent",
    real(B, K),
    lambda **given: dist.Normal(**given).to_event(1),
    loc=real(B, K),
    scale=positive(B, K),
)
row(
    "MaskedDistribution",
    real(N),
    lambda **given: dist.Normal(**given).mask(MASK),
    loc=real(N),
    scale=positive(N),
)
row(
    "ExpandedDistribution",
    real(N),
    lambda **given: dist.ExpandedDistribution(dist.Normal(**given), (N,)),
    loc=real(),
    scale=positive(),
)
row(
    "TransformedDistribution",
    positive(N),
    lambda loc, scale: dist.TransformedDistribution(
        dist.Logistic(torch.zeros(N), 1.0), [AffineTransform(loc, scale), ExpTransform()]
    ),
    loc=real(N),
    scale=positive(N),
)
row(
    "FoldedDistribution",
    positive(N),
    lambda **given: dist.FoldedDistribution(dist.Normal(**given)),
    loc=real(N),
    scale=positive(N),
)
row(
    "MixtureSameFamily",
    real(B),
    lambda logits, **given: dist.MixtureSameFamily(
        dist.Categorical(logits=logits), dist.Normal(**given)
    ),
    logits=real(B, K),
    loc=real(B, K),
    scale=positive(B, K),
)
row(
    "MaskedMixture",
    real(N),
    lambda loc, scale: dist.MaskedMixture(
        MASK, dist.Normal(loc, 1.0), dist.Laplace(torch.zeros(N), scale)
    ),
    loc=real(N),
    scale=positive(N),
)
row(
    "Mixture",
    real(N),
    lambda logits, loc, scale: dist.Mixture(
        dist.Categorical(logits=logits), [dist.Normal(loc, scale), dist.Laplace(loc, scale)]
    ),
    logits=real(N, 2),
    loc=real(N),
    scale=positive(N),
)
row(
    "Rejector",
    positive(N),
    lambda rate: dist.Rejector(dist.Exponential(rate), lambda x: -x, (rate / (1 + rate)).log()),
    rate=positive(N),
)
row(
    "ZeroInflatedDistribution",
    counts(N),
    lambda rate, gate: dist.ZeroInflatedDistribution(dist.Poisson(rate), gate=gate),
    rate=positive(N),
    gate=unit(N),
)
row(
    "Truncated",
    between(0.0, 1.0, N),
    lambda **given: dist.Truncated(dist.Normal(**given), low=0.0, high=1.0),
    loc=real(N),
    scale=positive(N),
)
row(
    "Censored",
    real(N).clamp(-1, 1).detach(),
    lambda **given: dist.Censored(dist.Normal(**given), low=-1.0, high=1.0),
    loc=real(N),
    scale=positive(N),
)
row(
    "Hurdle",
    counts(N),
    lambda rate, gate: dist.Hurdle(dist.Poisson(rate), gate=gate),
    rate=positive(N),
    gate=unit(N),
)
row(
    "ZeroOneInflated",
    between(0.0, 1.0, N).round(decimals=1).detach(),
    lambda gate, **given: dist.ZeroOneInflated(dist.Beta(**given), gate=gate),
    gate=unit(N),
    concentration1=positive(N),
    concentration0=positive(N),
)


if __name__ == "__main__":
    report_scores(ROWS, pyro.__version__)
