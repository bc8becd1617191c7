"""Divergences between members of a family are expectations of the log ratio of their densities."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from tests.laws.distribution_case import Case
from tests.laws.distribution_cases import CASES
from tests.laws.test_density_laws import table

DRAWS = 20000
MOVABLE = {
    *("loc", "scale", "rate", "concentration", "concentration1", "concentration0", "alpha", "df"),
    *("covariance_matrix", "precision_matrix", "scale_tril", "cov_diag", "v", "logits"),
}


def pair(case: Case) -> tuple[Any, Any]:
    """Two members of one family, with parameters some ten percent apart."""
    p = case.build()
    kwargs = case.kwargs()
    for name, value in kwargs.items():
        if case.id == "pareto" and name == "scale":
            continue  # the end of the support
        if isinstance(value, Tensor) and value.is_floating_point() and name in MOVABLE:
            kwargs[name] = value * 1.1 + (0.1 if name == "loc" else 0.0)
    return p, case.family(**kwargs)


def divergence(p: Any, q: Any) -> Tensor:
    try:
        return dist.kl_divergence(p, q)
    except NotImplementedError:
        pytest.skip("no formula")


def estimate(p: Any, q: Any) -> tuple[Tensor, Tensor]:
    """The mean log ratio over draws of ``p``, less its tangent, and its standard error.

    As the mean of q/p is one, adding q/p - 1 leaves the mean and takes away most of the noise.
    """
    torch.manual_seed(9)
    x = p.sample((DRAWS,))
    ratio = q.log_prob(x) - p.log_prob(x)
    terms = ratio.exp() - 1 - ratio
    return terms.mean(0), terms.std(0) / DRAWS**0.5


@table(CASES)
def test_divergence_is_the_mean_log_ratio(case: Case) -> None:
    """Within 6 standard errors: a false alarm in 2e-9 of the rows."""
    if case.id in ("delta", "delta-vector", "unit", "improper", "empirical"):
        pytest.skip("no density to compare")
    p, q = pair(case)
    kl = divergence(p, q)
    mean, error = estimate(p, q)
    assert (kl - mean).abs() <= 6 * error + 1e-9
    assert kl >= -1e-9


@table(CASES)
def test_divergence_from_itself_is_zero(case: Case) -> None:
    d = case.build((2,))
    kl = divergence(d, case.build((2,)))
    if case.id in ("delta", "delta-vector", "improper"):
        pytest.skip("no density")
    torch.testing.assert_close(kl, torch.zeros_like(kl), rtol=0.0, atol=1e-7)
    assert kl.shape == (2,)


@table(CASES)
def test_wrappers_pass_divergences_on(case: Case) -> None:
    """Expansion repeats a divergence, masks switch it off, ``to_event`` adds it up."""
    p, q = case.build((2,)), case.build((2,))
    kl = divergence(p, q)
    wide = dist.ExpandedDistribution(p, (3, 2))
    torch.testing.assert_close(dist.kl_divergence(wide, q), kl.expand(3, 2))
    torch.testing.assert_close(dist.kl_divergence(q, wide), kl.expand(3, 2))
    torch.testing.assert_close(dist.kl_divergence(wide, wide), kl.expand(3, 2))
    torch.testing.assert_close(dist.kl_divergence(p.to_event(1), q.to_event(1)), kl.sum(-1))
    if case.id not in ("independent",):
        joint = dist.kl_divergence(wide.to_event(1), q.expand((3, 2)).to_event(1))
        torch.testing.assert_close(joint, kl.expand(3, 2).sum(-1))
    mask = torch.tensor([True, False])
    expected = torch.where(mask, kl, torch.zeros_like(kl))
    torch.testing.assert_close(dist.kl_divergence(p.mask(mask), q), expected)


def test_correlated_from_independent_normals_and_back() -> None:
    torch.manual_seed(1)
    loc, scale = torch.randn(3, 4).double(), torch.rand(3, 4).double() + 0.5
    tril = torch.randn(4, 4).double().tril(-1) + 2 * torch.eye(4).double()
    diagonal = dist.Normal(loc, scale).to_event(1)
    as_mvn = dist.MultivariateNormal(loc, scale_tril=scale.diag_embed())
    mvn = dist.MultivariateNormal(torch.zeros(4).double(), scale_tril=tril)
    for p, q, expected in (
        (mvn, diagonal, dist.kl_divergence(mvn, as_mvn)),
        (diagonal, mvn, dist.kl_divergence(as_mvn, mvn)),
    ):
        torch.testing.assert_close(dist.kl_divergence(p, q), expected)
    with pytest.raises(NotImplementedError):
        dist.kl_divergence(mvn, dist.Laplace(loc, scale).to_event(1))


def test_a_fold_is_not_one_to_one() -> None:
    p, q = (dist.FoldedDistribution(dist.Normal(loc, 1.0)) for loc in (1.0, -1.0))
    with pytest.raises(NotImplementedError):  # it is zero, though that of the bases is 2
        dist.kl_divergence(p, q)


def test_divergence_of_delta_from_an_expanded_law() -> None:
    wide = dist.ExpandedDistribution(dist.Normal(0.0, 1.0), (3,))
    kl = dist.kl_divergence(dist.Delta(torch.tensor(0.5)), wide)
    torch.testing.assert_close(kl, -dist.Normal(0.0, 1.0).log_prob(torch.tensor([0.5] * 3)))
    masked = wide.mask(torch.tensor([True, False, True]))
    kl = dist.kl_divergence(wide, masked)
    torch.testing.assert_close(kl, torch.zeros(3))
