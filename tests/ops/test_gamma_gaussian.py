"""The algebra of Gaussian functions with a random scale."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.ops.gamma_gaussian import (
    GammaGaussian,
    gamma_and_mvn_to_gamma_gaussian,
    gamma_gaussian_tensordot,
    matrix_and_mvn_to_gamma_gaussian,
    scale_mvn,
    sequential_gamma_gaussian_tensordot,
)
from tests.ops.test_gaussian import law, randn

close = torch.testing.assert_close


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def scales(*shape: int) -> Tensor:
    return randn(*shape).exp()


def function(batch: tuple[int, ...], n: int) -> GammaGaussian:
    return gamma_and_mvn_to_gamma_gaussian(
        dist.Gamma(scales(*batch) + 1, scales(*batch)), law(batch, n)
    )


@pytest.mark.parametrize("batch", [(), (3,)], ids=str)
def test_densities(batch: tuple[int, ...]) -> None:
    gamma, normal = dist.Gamma(scales(*batch) + 1, scales(*batch)), law(batch, 2)
    g = gamma_and_mvn_to_gamma_gaussian(gamma, normal)
    x, s = randn(*batch, 2), scales(*batch)
    expected = gamma.log_prob(s) + scale_mvn(normal, s).log_prob(x)
    close(g.log_density(x, s), expected)
    marginal = g.event_logsumexp()
    close(marginal.concentration, gamma.concentration)
    close(marginal.rate, gamma.rate)
    close(marginal.log_density(s), gamma.log_prob(s))
    close(marginal.logsumexp(), torch.zeros(batch, dtype=torch.float64), rtol=0, atol=1e-12)


def test_a_noisy_map_is_a_conditional_density() -> None:
    matrix, noise, s = randn(5, 2, 3), law((5,), 3), scales(5)
    g, x, y = matrix_and_mvn_to_gamma_gaussian(matrix, noise), randn(5, 2), randn(5, 3)
    expected = scale_mvn(noise, s).log_prob(y - (x[:, None] @ matrix)[:, 0])
    close(g.log_density(torch.cat([x, y], -1), s), expected)


def test_conditioning_and_integrating() -> None:
    g, x, s = function((3,), 4), randn(3, 4), scales(3)
    close(g.condition(x[:, 1:]).log_density(x[:, :1], s), g.log_density(x, s))
    y = x[:, 2:]
    expected = g.condition(y).event_logsumexp().log_density(s)
    close(g.marginalize(left=2).log_density(y, s), expected)
    close(g[1:].log_density(x[1:], s[1:]), g.log_density(x, s)[1:])
    close(GammaGaussian.cat([g[:1], g[1:]]).log_density(x, s), g.log_density(x, s))
    close((g + 2.0).reshape((1, 3)).log_density(x, s), g.log_density(x, s)[None] + 2)


@pytest.mark.parametrize("steps", [1, 2, 5, 6])
def test_a_chain_by_halves_is_a_chain_step_by_step(steps: int) -> None:
    g = function((2, steps), 4)
    expected = g[..., 0]
    for t in range(1, steps):
        expected = gamma_gaussian_tensordot(expected, g[..., t], 2)
    found, x, s = sequential_gamma_gaussian_tensordot(g), randn(2, 4), scales(2)
    close(found.log_density(x, s), expected.log_density(x, s))
