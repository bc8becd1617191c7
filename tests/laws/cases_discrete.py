"""Cases of families on the integers, of mixtures, and of laws with atoms."""

from __future__ import annotations

import scipy.stats as sp

import pyro.distributions as dist
from tests.laws.distribution_case import Case, row

DISCRETE: list[Case] = [
    row(
        "gamma-poisson",
        "GammaPoisson",
        lambda concentration, rate: sp.nbinom(concentration, rate / (1 + rate)),
        concentration=2.5,
        rate=0.7,
    ),
    row(
        "gamma-poisson-nearly-poisson",
        "GammaPoisson",
        lambda concentration, rate: sp.nbinom(concentration, rate / (1 + rate)),
        concentration=400.0,
        rate=100.0,
    ),
    row(
        "beta-binomial",
        "BetaBinomial",
        lambda concentration1, concentration0, total_count: sp.betabinom(
            total_count, concentration1, concentration0
        ),
        concentration1=0.8,
        concentration0=2.0,
        total_count=6.0,
    ),
    row(
        "dirichlet-multinomial",
        "DirichletMultinomial",
        concentration=[0.7, 2.0, 3.0],
        total_count=5.0,
    ),
    row(
        "dirichlet-multinomial-sparse",
        "DirichletMultinomial",
        concentration=[0.7, 20.0, 0.1],
        total_count=2,
        is_sparse=True,
        static=("total_count", "is_sparse"),
    ),
    row("zero-inflated-poisson", "ZeroInflatedPoisson", rate=2.5, gate=0.3),
    row("zero-inflated-poisson-logits", "ZeroInflatedPoisson", rate=0.5, gate_logits=-1.5),
    row(
        "zero-inflated-negative-binomial",
        "ZeroInflatedNegativeBinomial",
        total_count=4.0,
        probs=0.4,
        gate=0.2,
    ),
    Case(
        "zero-inflated",
        lambda rate, gate: dist.ZeroInflatedDistribution(dist.GammaPoisson(2.0, rate), gate=gate),
        {"rate": 1.5, "gate": 0.4},
    ),
    Case(
        "zero-inflated-binomial",
        lambda probs, gate: dist.ZeroInflatedDistribution(dist.Binomial(3, probs), gate=gate),
        {"probs": 0.6, "gate": 0.4},
    ),
    row("ordered-logistic", "OrderedLogistic", predictor=0.4, cutpoints=[-1.0, 0.5, 2.0]),
    row("ordered-probit", "OrderedProbit", predictor=0.4, cutpoints=[-1.0, 0.5, 2.0]),
]
