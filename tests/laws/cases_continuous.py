"""Cases of continuous families of our own, and of restricted ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats as sp
import torch
from torch import Tensor

import pyro.distributions as dist
from tests.laws.distribution_case import Case, row

LOG_2 = float(np.log(2))


@dataclass(frozen=True)
class HalfAccepted:
    """Accepts what is above ``loc``; a function of its own would not pickle."""

    loc: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return (x >= self.loc).to(x).log()


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
    row(
        "affine-beta",
        "AffineBeta",
        lambda concentration1, concentration0, loc, scale: sp.beta(
            concentration1, concentration0, loc, scale
        ),
        concentration1=2.0,
        concentration0=3.5,
        loc=-1.0,
        scale=2.5,
    ),
    Case(
        "folded",
        lambda loc, scale: dist.FoldedDistribution(dist.Normal(loc, scale)),
        {"loc": 0.6, "scale": 1.2},
        lambda loc, scale: sp.foldnorm(loc / scale, scale=scale),
    ),
    row(
        "ex-gaussian",
        "ExponentiallyModifiedGaussian",
        lambda loc, scale, rate: sp.exponnorm(1 / (scale * rate), loc, scale),
        loc=0.3,
        scale=0.8,
        rate=0.7,
    ),
    row(
        "skew-normal",
        "SkewNormal",
        lambda loc, scale, skew: sp.skewnorm(skew, loc, scale),
        loc=0.3,
        scale=0.8,
        skew=-3.0,
    ),
    row(
        "wald",
        "Wald",
        lambda loc, concentration: sp.invgauss(loc / concentration, scale=concentration),
        loc=1.5,
        concentration=2.0,
    ),
    row(
        "wald-skewed",
        "Wald",
        lambda loc, concentration: sp.invgauss(loc / concentration, scale=concentration),
        loc=8.0,
        concentration=0.4,
    ),
    row(
        "nan-masked-normal",
        "NanMaskedNormal",
        lambda loc, scale: sp.norm(loc, scale),
        loc=0.3,
        scale=1.2,
    ),
    Case(
        "rejector",
        lambda loc: dist.Rejector(
            dist.Normal(loc, torch.ones_like(loc)), HalfAccepted(loc), -LOG_2
        ),
        {"loc": 0.6},
        lambda loc: sp.halfnorm(loc),
    ),
    row("stable", "Stable", stability=1.5, skew=0.4, scale=1.3, loc=0.2),
    row("stable-cauchy", "Stable", stability=1.0, skew=-0.4, scale=1.3, loc=0.2),
    row("stable-heavy", "StableWithLogProb", stability=0.7, skew=0.4, scale=1.3, loc=0.2),
    Case(
        "polya-gamma",
        lambda prototype: dist.TruncatedPolyaGamma(prototype).expand(prototype.shape),
        {"prototype": 0.0},
    ),
]
