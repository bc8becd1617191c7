"""Gaussian hidden Markov models of unknown scale, against quadrature over the scale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.stats as sp
import torch
from torch import Tensor

import pyro.distributions as dist
from tests.distributions.test_gaussian_hmm import normal, spd

close = torch.testing.assert_close


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def parts(steps: int, time: tuple[int, ...]) -> list[Any]:
    return [
        normal((), 2),
        0.7 * torch.randn(*time, 2, 2),
        normal(time, 2),
        torch.randn(*time, 2, 1),
        normal(time, 1),
    ]


def at_scale(given: list[Any], s: float) -> Any:
    """The Gaussian model given the scale."""

    def scaled(d: Any) -> Any:
        return dist.MultivariateNormal(d.loc, d.covariance_matrix / s)

    initial, F, transition, H, observation = given
    return dist.GaussianHMM(scaled(initial), F, scaled(transition), H, scaled(observation))


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("varies", [False, True])
def test_density_is_the_integral_over_the_scale(steps: int, varies: bool) -> None:
    given = parts(steps, (steps,) if varies else ())
    x = torch.randn(steps, 1)
    scale = dist.Gamma(2.5, 1.5)
    d = dist.GammaGaussianHMM(scale, *given)

    def joint(log_s: float) -> float:
        s = torch.tensor(log_s).exp()
        log = at_scale(given, s.item()).log_prob(x) + scale.log_prob(s) + log_s
        return log.exp().item()

    total, _ = scipy.integrate.quad(joint, -12, 6, limit=200, epsabs=0, epsrel=1e-9)
    close(d.log_prob(x).item(), float(np.log(total)), rtol=1e-7, atol=1e-7)

    posterior, state = d.filter(x)
    second, _ = scipy.integrate.quad(
        lambda u: joint(u) * np.exp(u), -12, 6, limit=200, epsabs=0, epsrel=1e-9
    )
    close(posterior.mean.item(), second / total, rtol=1e-6, atol=0.0)
    one = at_scale(given, 1.0).filter(x)
    close(state.mean, one.mean)
    close(state.covariance_matrix, one.covariance_matrix)


def test_a_batch_of_scales() -> None:
    given = parts(4, ())
    x = torch.randn(4, 1)
    a, b = torch.tensor([1.0, 2.0, 5.0]), torch.tensor([[0.5], [3.0]])
    d = dist.GammaGaussianHMM(dist.Gamma(a, b), *given)
    assert d.batch_shape == (2, 3)
    found, (scale, state) = d.log_prob(x), d.filter(x)
    assert found.shape == scale.batch_shape == state.batch_shape == (2, 3)
    for i in range(2):
        for j in range(3):
            one = dist.GammaGaussianHMM(dist.Gamma(a[j], b[i, 0]), *given)
            close(one.log_prob(x), found[i, j])
            close(one.filter(x)[0].rate, scale.rate[i, j])


def test_draws_fit() -> None:
    """Each coordinate is Student by construction; a correct sampler fails with chance 1e-5."""
    d = dist.GammaGaussianHMM(
        dist.Gamma(2.0, 2.0),
        *(p.expand((3,)) if i in (2, 4) else p for i, p in enumerate(parts(3, ()))),
    )
    x = d.sample((3000,))
    assert x.shape == (3000, 3, 1)
    gaussian = at_scale(
        [
            d.initial_dist,
            d.transition_matrix,
            d.transition_dist,
            d.observation_matrix,
            d.observation_dist,
        ],
        1.0,
    )
    many = gaussian.sample((40000,))
    for t in range(3):
        mean, std = many[:, t, 0].mean(), many[:, t, 0].std()
        standard = ((x[:, t, 0] - mean) / std).numpy()
        assert sp.kstest(standard, sp.t(4.0).cdf).pvalue > 1e-5


def test_missing_data_count_nothing() -> None:
    given = parts(4, ())
    keep = torch.tensor([True, True, False, True])
    masked = dist.GammaGaussianHMM(
        dist.Gamma(2.0, 3.0), *given[:4], given[4].expand((4,)).mask(keep)
    )
    x = torch.randn(4, 1)
    x[2] = float("nan")
    scale, _ = masked.filter(x)
    assert scale.concentration == 3.5
    assert masked.log_prob(x).isfinite()


def test_gradients() -> None:
    x = torch.randn(3, 1, requires_grad=True)
    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(1.5, requires_grad=True)
    cov = spd(2).requires_grad_()
    given = parts(3, ())

    def score(a: Tensor, b: Tensor, cov: Tensor, x: Tensor) -> Any:
        initial = dist.MultivariateNormal(torch.zeros(2), (cov + cov.mT) / 2)
        d = dist.GammaGaussianHMM(dist.Gamma(a, b), initial, *given[1:])
        scale, state = d.filter(x)
        return d.log_prob(x), scale.rate, state.mean

    assert torch.autograd.gradcheck(score, (a, b, cov, x))


def test_a_scale_that_is_no_gamma_is_refused() -> None:
    with pytest.raises(ValueError, match="scale_dist"):
        dist.GammaGaussianHMM(dist.Normal(0.0, 1.0), *parts(2, ()))
