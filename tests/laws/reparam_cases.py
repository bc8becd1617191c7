"""Reparameterisers with a distribution each, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import pyro.distributions as dist
from pyro.infer import reparam as rp

Family = Callable[..., Any]


@dataclass(frozen=True)
class ReparamCase:
    """One row.

    :param name: Shown in the tests.
    :param family: The distribution, of batch shape (), made from the parameters.
    :param parameters: Tensors, to which gradients must flow.
    :param reparam: Makes the reparameteriser.
    :param sites: Suffixes of the auxiliary sites.
    :param square: Whether value and auxiliary values have the same number of entries, so that the
        density is known by the Jacobian.
    :param mixture: Whether the site stays random given the auxiliary ones.
    :param observed: Whether observed sites are rewritten.
    :param keeps_start: Whether a value chosen for the site survives.
    """

    name: str
    family: Family
    parameters: tuple[torch.Tensor, ...]
    reparam: Callable[[], Any]
    sites: tuple[str, ...]
    square: bool = False
    mixture: bool = False
    observed: bool = False
    keeps_start: bool = True

    def fn(self) -> Any:
        return self.family(*self.parameters)


def t(*values: float) -> torch.Tensor:
    return torch.tensor(values[0] if len(values) == 1 else values)


def _loc_scale(name: str, family: Family, *shape: float, centered: Any = 0.3) -> ReparamCase:
    return ReparamCase(
        f"loc-scale {name}",
        family,
        (t(0.7), t(1.8), *map(t, shape)),
        lambda: rp.LocScaleReparam(centered),
        ("decentered",),
        square=True,
    )


def _vector(loc: torch.Tensor, scale: torch.Tensor) -> Any:
    return dist.Normal(loc, scale).to_event(1)


def _walk(loc: torch.Tensor, scale: torch.Tensor) -> Any:
    tril = torch.tril(torch.ones(5, 5)) * scale
    return dist.MultivariateNormal(loc, scale_tril=tril)


def _matrix(loc: torch.Tensor, scale: torch.Tensor) -> Any:
    return dist.Normal(loc.unsqueeze(-1).expand(5, 2), scale).to_event(2)


FIVE = t(0.1, -0.4, 0.9, 1.6, -2.0)


def _unit(name: str, make: Callable[[], Any], suffix: str, family: Family = _walk) -> ReparamCase:
    return ReparamCase(name, family, (FIVE, t(0.8)), make, (suffix,), square=True, observed=True)


def _split(sections: Any, dim: int, count: int, family: Family = _walk) -> ReparamCase:
    return ReparamCase(
        f"split {sections} {dim}",
        family,
        (FIVE, t(0.8)),
        lambda: rp.SplitReparam(sections, dim),
        tuple(f"split_{i}" for i in range(count)),
        square=True,
        observed=True,
    )


def _flow(loc: torch.Tensor, scale: torch.Tensor) -> Any:
    base = dist.Normal(torch.zeros(2), 1.0).to_event(1)
    tril = torch.stack([torch.stack([scale, loc * 0]), torch.stack([loc, scale])])
    return dist.TransformedDistribution(
        base,
        [
            dist.transforms.LowerCholeskyAffine(torch.zeros(2), tril),
            dist.transforms.ExpTransform(),
        ],
    )


def _student_hmm(scale: torch.Tensor, df: torch.Tensor) -> Any:
    noise = dist.Normal(torch.zeros(1), scale).to_event(1)
    step = dist.StudentT(df, torch.zeros(1), scale).to_event(1)
    matrix = torch.tensor([[0.9]])
    return dist.LinearHMM(noise, matrix, step, torch.ones(1, 1), noise, duration=4)


CASES = [
    _loc_scale("normal", dist.Normal),
    _loc_scale("normal, decentered", dist.Normal, centered=0.0),
    _loc_scale("normal, learned", dist.Normal, centered=None),
    _loc_scale("student", lambda loc, scale, df: dist.StudentT(df, loc, scale), 3.0),
    _loc_scale(
        "stable", lambda loc, scale, a, b: dist.Stable(a, b, scale, loc, coords="S"), 1.6, 0.4
    ),
    _loc_scale("laplace", dist.Laplace),
    _loc_scale("cauchy", dist.Cauchy),
    _loc_scale("gumbel", dist.Gumbel),
    _loc_scale("logistic", dist.Logistic),
    _loc_scale("soft laplace", dist.SoftLaplace),
    _loc_scale("skew logistic", dist.SkewLogistic, 2.0),
    _loc_scale("skew normal", dist.SkewNormal, 2.0),
    _loc_scale("asymmetric laplace", dist.AsymmetricLaplace, 2.0),
    _loc_scale("soft asymmetric laplace", dist.SoftAsymmetricLaplace, 2.0, 0.7),
    _loc_scale("generalised pareto", dist.GeneralizedPareto, 0.2),
    ReparamCase(
        "loc-scale vector",
        _vector,
        (FIVE, t(0.3, 2.0, 1.0, 0.5, 0.1)),
        lambda: rp.LocScaleReparam(t(0.0, 1.0, 0.5, 0.2, 0.9)),
        ("decentered",),
        square=True,
    ),
    ReparamCase(
        "transform log-normal",
        dist.LogNormal,
        (t(0.5), t(0.8)),
        rp.TransformReparam,
        ("base",),
        square=True,
    ),
    ReparamCase(
        "transform flow", _flow, (t(0.5), t(0.8)), rp.TransformReparam, ("base",), square=True
    ),
    _unit("haar", rp.HaarReparam, "haar"),
    _unit("haar, flipped", lambda: rp.HaarReparam(flip=True), "haar"),
    _unit("haar along the left event dim", lambda: rp.HaarReparam(dim=-2), "haar", _matrix),
    _unit("dct", rp.DiscreteCosineReparam, "dct"),
    _unit("dct, smooth", lambda: rp.DiscreteCosineReparam(smooth=1.0), "dct"),
    _unit(
        "permutation",
        lambda: rp.UnitJacobianReparam(
            dist.transforms.Permute(torch.tensor([3, 1, 4, 0, 2])), "moved"
        ),
        "moved",
    ),
    _split(2, -1, 3),
    _split([1, 4], -1, 2),
    _split([3, 2], -2, 2, _matrix),
    ReparamCase(
        "circular",
        dist.VonMises,
        (t(2.9), t(1.5)),
        rp.CircularReparam,
        ("unwrapped",),
        square=True,
    ),
    ReparamCase(
        "gumbel softmax",
        lambda temperature, logits: dist.RelaxedOneHotCategorical(temperature, logits=logits),
        (t(0.7), t(0.1, -0.5, 0.8)),
        rp.GumbelSoftmaxReparam,
        ("uniform",),
    ),
    ReparamCase(
        "projected normal",
        dist.ProjectedNormal,
        (t(0.5, -1.0, 0.8),),
        rp.ProjectedNormalReparam,
        ("normal",),
    ),
    ReparamCase(
        "latent stable",
        lambda a, b, scale, loc: dist.Stable(a, b, scale, loc),
        (t(1.4), t(-0.6), t(0.5), t(2.0)),
        rp.LatentStableReparam,
        ("uniform", "exponential"),
    ),
    ReparamCase(
        "latent stable, below 1",
        lambda a, b, scale, loc: dist.Stable(a, b, scale, loc),
        (t(0.8), t(0.3), t(0.5), t(2.0)),
        rp.LatentStableReparam,
        ("uniform", "exponential"),
    ),
    ReparamCase(
        "symmetric stable",
        lambda a, scale, loc: dist.Stable(a, 0.0, scale, loc),
        (t(1.4), t(0.5), t(2.0)),
        rp.SymmetricStableReparam,
        ("uniform", "exponential"),
        mixture=True,
        observed=True,
    ),
    *(
        ReparamCase(
            f"stable {a} {b} {coords}",
            lambda a, b, scale, loc, coords=coords: dist.Stable(a, b, scale, loc, coords=coords),
            (t(a), t(b), t(0.5), t(2.0)),
            rp.StableReparam,
            ("z_uniform", "z_exponential", "t_uniform", "t_exponential"),
            mixture=True,
            observed=True,
        )
        for a, b, coords in [
            (1.5, 0.4, "S0"),
            (1.5, -0.4, "S"),
            (0.8, -0.7, "S0"),
            (1.0, 0.6, "S0"),
            (1.9, 0.9, "S0"),
        ]
    ),
    ReparamCase(
        "student",
        lambda df, loc, scale: dist.StudentT(df, loc, scale),
        (t(3.0), t(2.0), t(0.5)),
        rp.StudentTReparam,
        ("gamma",),
        mixture=True,
        observed=True,
    ),
    ReparamCase(
        "linear hmm",
        _student_hmm,
        (t(0.5), t(3.0)),
        lambda: rp.LinearHMMReparam(trans=rp.StudentTReparam()),
        ("trans_gamma",),
        mixture=True,
        observed=True,
    ),
    ReparamCase(
        "conjugate",
        dist.Gamma,
        (t(2.0), t(1.5)),
        lambda: rp.ConjugateReparam(dist.Gamma(3.0, 0.7)),
        ("updated",),
        square=True,
    ),
]
