"""The algebra of Gaussian functions, by quadrature-free identities and dense matrices."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.ops.gaussian import (
    Gaussian,
    gaussian_tensordot,
    matrix_and_mvn_to_gaussian,
    mvn_to_gaussian,
    sequential_gaussian_filter_sample,
    sequential_gaussian_tensordot,
)

close = torch.testing.assert_close


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def randn(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def law(batch: tuple[int, ...], n: int) -> dist.MultivariateNormal:
    a = randn(*batch, n, n)
    return dist.MultivariateNormal(randn(*batch, n), a @ a.mT + torch.eye(n).double())


def gaussian(batch: tuple[int, ...], n: int) -> Gaussian:
    return mvn_to_gaussian(law(batch, n)) + randn(*batch)


@pytest.mark.parametrize("batch", [(), (3,), (2, 1)], ids=str)
def test_densities(batch: tuple[int, ...]) -> None:
    d, x = law(batch, 3), randn(4, *batch, 3)
    g = mvn_to_gaussian(d)
    close(g.log_density(x), d.log_prob(x))
    close(g.event_logsumexp(), torch.zeros(batch, dtype=torch.float64))
    wide = dist.Normal(randn(*batch, 3), 0.5).to_event(1)
    close(mvn_to_gaussian(wide).log_density(x), wide.log_prob(x))
    part = dist.MultivariateNormal(d.loc[..., 1:2], d.covariance_matrix[..., 1:2, 1:2])
    close(g.marginalize(left=1, right=1).log_density(x[..., 1:2]), part.log_prob(x[..., 1:2]))


@pytest.mark.parametrize("batch", [(), (3,), (2, 1)], ids=str)
def test_conditioning_fills_in(batch: tuple[int, ...]) -> None:
    g, x = gaussian(batch, 4), randn(*batch, 4)
    whole = g.log_density(x)
    close(g.condition(x[..., 1:]).log_density(x[..., :1]), whole)
    close(g.left_condition(x[..., :3]).log_density(x[..., 3:]), whole)
    y = x[..., 2:]
    close(g.condition(y).event_logsumexp(), g.marginalize(left=2).log_density(y))
    order = [2, 0, 3, 1]
    close(g.event_permute(order).log_density(x[..., order]), whole)
    close((g - 2.0).log_density(x), whole - 2)


def test_layout() -> None:
    g, x = gaussian((2, 3), 2), randn(2, 3, 2)
    close(g[0].log_density(x[0]), g.log_density(x)[0])
    close(g[..., 1:].log_density(x[:, 1:]), g.log_density(x)[:, 1:])
    close(Gaussian.cat([g[:, :1], g[:, 1:]], 1).log_density(x), g.log_density(x))
    close(Gaussian.cat([g[:1], g[1:]]).log_density(x), g.log_density(x))
    assert g.reshape((6,)).batch_shape == (6,)
    assert g.expand((5, 2, 3)).batch_shape == (5, 2, 3)
    close((g + g - g).log_density(x), g.log_density(x))


def test_a_noisy_map_is_a_conditional_density() -> None:
    matrix, noise = randn(5, 2, 3), law((5,), 3)
    g, x, y = matrix_and_mvn_to_gaussian(matrix, noise), randn(5, 2), randn(5, 3)
    expected = noise.log_prob(y - (x[:, None] @ matrix)[:, 0])
    close(g.log_density(torch.cat([x, y], -1)), expected)


@pytest.mark.parametrize(("a", "b", "c"), [(1, 1, 1), (2, 1, 0), (0, 2, 2), (2, 0, 1)])
def test_contraction_is_marginalisation(a: int, b: int, c: int) -> None:
    x, y = gaussian((3,), a + b), gaussian((), b + c)
    joint = x.event_pad(right=c) + y.event_pad(left=a)
    product = gaussian_tensordot(x, y, b)
    assert product.dim() == a + c
    close(product.event_logsumexp(), joint.event_logsumexp())
    if a:
        z = randn(3, a)
        expected = joint.marginalize(right=b + c).log_density(z)
        close(product.marginalize(right=c).log_density(z), expected)


@pytest.mark.parametrize("steps", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
def test_a_chain_by_halves_is_a_chain_step_by_step(steps: int, batch: tuple[int, ...]) -> None:
    g = gaussian((*batch, steps), 4)
    expected = g[..., 0]
    for t in range(1, steps):
        expected = gaussian_tensordot(expected, g[..., t], 2)
    found = sequential_gaussian_tensordot(g)
    close(found.log_normalizer, expected.log_normalizer)
    close(found.info_vec, expected.info_vec)
    close(found.precision, expected.precision)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_paths_fit(steps: int) -> None:
    """Zero noise gives the mean; covariances within 5 standard errors (6e-7 per entry)."""
    init, trans = gaussian((), 1), gaussian((steps,), 2)
    joint = init.event_pad(right=steps)
    for t in range(steps):
        joint = joint + trans[t].event_pad(left=t, right=steps - 1 - t)
    cov = torch.linalg.inv(joint.precision)
    zero = torch.zeros(steps + 1, 1, dtype=torch.float64)
    mean = sequential_gaussian_filter_sample(init, trans, noise=zero)
    close(mean[:, 0], cov @ joint.info_vec)
    x = sequential_gaussian_filter_sample(init, trans, (20000,))[..., 0]
    assert x.shape == (20000, steps + 1)
    variances = cov.diagonal()
    spread = ((variances[:, None] * variances + cov.square()) / len(x)).sqrt()
    assert ((torch.cov(x.T) - cov) / spread).abs().max() < 5
