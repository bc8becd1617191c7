"""Cases of families on the integers, of mixtures, and of laws with atoms."""

from __future__ import annotations

import numpy as np
import scipy.stats as sp
import torch

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
    Case(
        "mixture-of-families",
        lambda probs, loc: dist.Mixture(
            dist.Categorical(probs),
            [dist.Normal(loc, 1.0), dist.Gamma(2.0, loc), dist.Beta(2, loc)],
        ),
        {"probs": [0.2, 0.5, 0.3], "loc": 1.5},
        event_dims={"probs": 1},
    ),
    Case(
        "mixture-of-counts",
        lambda probs, rate: dist.Mixture(
            dist.Categorical(probs), [dist.Poisson(rate), dist.Binomial(4, rate / 10)]
        ),
        {"probs": [0.2, 0.8], "rate": 3.0},
        event_dims={"probs": 1},
    ),
    Case(
        "mixture-of-vectors",
        lambda probs, loc: dist.Mixture(
            dist.Categorical(probs),
            [dist.Normal(loc, 1.0).to_event(1), dist.Laplace(loc, 2.0).to_event(1)],
        ),
        {"probs": [0.2, 0.8], "loc": [3.0, -1.0]},
        event_dims={"probs": 1, "loc": 1},
    ),
    Case(
        "masked-mixture",
        lambda loc: dist.MaskedMixture(
            torch.arange(loc.numel()).reshape(loc.shape) % 2 == 0,
            dist.Normal(loc, 1.0),
            dist.Laplace(loc, 2.0),
        ),
        {"loc": 3.0},
    ),
    Case(
        "masked-mixture-of-counts",
        lambda rate: dist.MaskedMixture(
            torch.arange(rate.numel()).reshape(rate.shape) % 2 == 0,
            dist.Poisson(rate),
            dist.Binomial(5, rate / 10),
        ),
        {"rate": 3.0},
    ),
    Case(
        "hurdle",
        lambda rate, gate: dist.Hurdle(dist.Gamma(2.0, rate), gate=gate),
        {"rate": 1.5, "gate": 0.4},
    ),
    Case(
        "hurdle-of-counts",
        lambda rate, gate: dist.Hurdle(dist.Poisson(rate), gate=gate),
        {"rate": 1.5, "gate": 0.4},
    ),
    Case(
        "hurdle-of-rare-counts",
        lambda rate, gate_logits: dist.Hurdle(dist.Poisson(rate), gate_logits=gate_logits),
        {"rate": 1e-3, "gate_logits": -0.5},
    ),
    Case(
        "zero-one-inflated",
        lambda concentration, gate, one: dist.ZeroOneInflated(
            dist.Beta(concentration, 2.0), gate=gate, one=one
        ),
        {"concentration": 1.5, "gate": 0.4, "one": 0.7},
    ),
    row(
        "binomial-logits",
        "Binomial",
        lambda total_count, logits: sp.binom(total_count, 1 / (1 + np.exp(-logits))),
        total_count=7.0,
        logits=-1.0,
    ),
    row(
        "skellam",
        "Skellam",
        lambda rate1, rate2: sp.skellam(rate1, rate2),
        rate1=3.0,
        rate2=1.5,
    ),
    row(
        "skellam-large",
        "Skellam",
        lambda rate1, rate2: sp.skellam(rate1, rate2),
        rate1=30.0,
        rate2=70.0,
    ),
    row("discrete-weibull", "DiscreteWeibull", q=0.8, beta=1.3),
    row("discrete-weibull-heavy", "DiscreteWeibull", q=0.3, beta=0.5),
    row(
        "log-normal-negative-binomial",
        "LogNormalNegativeBinomial",
        total_count=3.0,
        logits=0.2,
        multiplicative_noise_scale=0.3,
        num_quad_points=16,
        static=("num_quad_points",),
    ),
    row("relaxed-bernoulli-st", "RelaxedBernoulliStraightThrough", temperature=0.8, probs=0.3),
    row(
        "relaxed-one-hot-categorical-st",
        "RelaxedOneHotCategoricalStraightThrough",
        temperature=0.9,
        logits=[0.1, 0.5, -1.0],
        static=("temperature",),
    ),
    row(
        "one-one-matching",
        "OneOneMatching",
        logits=[[0.1, 0.5, -1.0], [0.0, 2.0, 0.3], [0.7, -0.2, 0.0]],
    ),
    row(
        "one-two-matching",
        "OneTwoMatching",
        logits=[[0.1, 0.5], [0.0, 2.0], [0.7, -0.2], [0.3, 0.3]],
    ),
    row("spanning-tree", "SpanningTree", edge_logits=[0.1, 0.5, -1.0, 0.0, 2.0, 0.3]),
    row(
        "extended-binomial",
        "ExtendedBinomial",
        lambda total_count, probs: sp.binom(total_count, probs),
        total_count=5.0,
        probs=0.3,
    ),
    row(
        "extended-beta-binomial",
        "ExtendedBetaBinomial",
        lambda concentration1, concentration0, total_count: sp.betabinom(
            total_count, concentration1, concentration0
        ),
        concentration1=0.8,
        concentration0=2.0,
        total_count=6.0,
    ),
]

MIXED = ("hurdle", "zero-one-inflated")
"""Cases with a density and atoms, onto whose support there is no bijection."""
