"""Cases of continuous families of our own, and of restricted ones."""

from __future__ import annotations

import numpy as np
import scipy.stats as sp
import torch

import pyro.distributions as dist
from tests.laws.distribution_case import Case, row

CONTINUOUS: list[Case] = [
    Case(
        "truncated-tail",
        lambda loc, scale: dist.Truncated(dist.Normal(loc, scale), low=6.0),
        {"loc": 0.3, "scale": 1.2},
        lambda loc, scale: sp.truncnorm((6 - loc) / scale, np.inf, loc, scale),
    ),
    Case(
        "truncated-both",
        lambda rate: dist.Truncated(dist.Exponential(rate), 0.5, 2.0),
        {"rate": 0.7},
        lambda rate: sp.truncexpon(1.5 * rate, loc=0.5, scale=1 / rate),
    ),
    Case(
        "truncated-search",
        lambda concentration, rate: dist.Truncated(dist.Gamma(concentration, rate), high=4.0),
        {"concentration": 2.5, "rate": 0.5},
    ),
    Case(
        "truncated-integers",
        lambda rate: dist.Truncated(dist.Poisson(rate), 1, 6),
        {"rate": 2.5},
    ),
    Case(
        "censored",
        lambda loc, scale: dist.Censored(dist.Normal(loc, scale), -1.0, 2.0),
        {"loc": 0.3, "scale": 1.2},
    ),
    Case(
        "censored-integers",
        lambda rate: dist.Censored(dist.Poisson(rate), high=torch.full_like(rate, 3.0)),
        {"rate": 2.5},
    ),
    row(
        "logistic",
        "Logistic",
        lambda loc, scale: sp.logistic(loc, scale),
        loc=0.3,
        scale=1.2,
    ),
    row(
        "skew-logistic",
        "SkewLogistic",
        lambda loc, scale, asymmetry: sp.genlogistic(asymmetry, loc, scale),
        loc=0.3,
        scale=1.2,
        asymmetry=0.4,
    ),
    row(
        "soft-laplace",
        "SoftLaplace",
        lambda loc, scale: sp.hypsecant(loc, scale),
        loc=0.3,
        scale=1.2,
    ),
    row(
        "asymmetric-laplace",
        "AsymmetricLaplace",
        lambda loc, scale, asymmetry: sp.laplace_asymmetric(asymmetry, loc, scale),
        loc=0.3,
        scale=1.2,
        asymmetry=1.7,
    ),
    row(
        "soft-asymmetric-laplace",
        "SoftAsymmetricLaplace",
        loc=0.3,
        scale=1.2,
        asymmetry=1.7,
        softness=0.6,
    ),
]
