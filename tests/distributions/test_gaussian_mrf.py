"""Gaussian Markov random fields, against one dense precision matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from tests.distributions.test_gaussian_hmm import normal, within_five_sigma

close = torch.testing.assert_close


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def dense(d: Any, steps: int) -> Any:
    """The law of all observations: factors add up their precisions, and states are left out."""
    n, p = d.hidden_dim, d.obs_dim
    states = (steps + 1) * n
    total = states + steps * p
    precision, info = torch.zeros(total, total), torch.zeros(total)

    def add(factor: Any, index: list[int], at: tuple[int, ...]) -> None:
        inv = torch.linalg.inv(factor.covariance_matrix[at])
        precision[torch.tensor(index)[:, None], torch.tensor(index)] += inv
        info[index] += inv @ factor.loc[at]

    add(d.initial_dist, list(range(n)), ())
    for t in range(steps):
        new = list(range((t + 1) * n, (t + 2) * n))
        seen = list(range(states + t * p, states + (t + 1) * p))
        for factor, index in [
            (d.transition_dist, list(range(t * n, (t + 1) * n)) + new),
            (d.observation_dist, new + seen),
        ]:
            add(factor, index, (t,) if factor.batch_shape else ())
    cov = torch.linalg.inv(precision)
    return dist.MultivariateNormal((cov @ info)[states:], cov[states:, states:])


@pytest.mark.parametrize("steps", [1, 2, 5, 6])
@pytest.mark.parametrize("varies", [False, True])
@pytest.mark.parametrize(("n", "p"), [(1, 1), (2, 1), (2, 3)])
def test_density_is_that_of_the_dense_law(steps: int, varies: bool, n: int, p: int) -> None:
    time = (steps,) if varies else ()
    d = dist.GaussianMRF(normal((), n), normal(time, 2 * n), normal(time, n + p))
    assert d.event_shape == ((steps if varies else 1), p)
    x = torch.randn(3, steps, p)
    close(d.log_prob(x), dense(d, steps).log_prob(x.flatten(1)))


def test_draws_fit() -> None:
    d = dist.GaussianMRF(normal((), 2), normal((5,), 4), normal((), 3))
    x = d.rsample((20000,))
    assert x.shape == (20000, 5, 1)
    law = dense(d, 5)
    within_five_sigma(x.flatten(1), law.loc, law.covariance_matrix)


def test_a_batch_is_its_entries() -> None:
    first, pair, seen = normal((3,), 1), normal((3, 4), 2), normal((3, 1), 2)
    d = dist.GaussianMRF(first, pair, seen)
    assert d.batch_shape == (3,) and d.rsample((2,)).shape == (2, 3, 4, 1)
    x = torch.randn(3, 4, 1)
    for i in range(3):
        parts = [
            dist.MultivariateNormal(f.loc[i], f.covariance_matrix[i]) for f in (first, pair, seen)
        ]
        close(dist.GaussianMRF(*parts).log_prob(x[i]), d.log_prob(x)[i])


def test_gradients() -> None:
    x = torch.randn(3, 1, requires_grad=True)
    factors = [torch.randn(k, k, requires_grad=True) for k in (1, 2, 2)]

    def score(x: Tensor, *factors: Tensor) -> Tensor:
        laws = [
            dist.MultivariateNormal(torch.ones(len(f)), f @ f.mT + torch.eye(len(f)))
            for f in factors
        ]
        return dist.GaussianMRF(*laws).log_prob(x)

    assert torch.autograd.gradcheck(score, (x, *factors))


def test_ten_thousand_steps_in_single_precision() -> None:
    x = torch.randn(10_000, 1)
    d = dist.GaussianMRF(normal((), 2), normal((), 4), normal((), 3))
    single = dist.GaussianMRF(
        *(
            dist.MultivariateNormal(f.loc.float(), f.covariance_matrix.float())
            for f in (d.initial_dist, d.transition_dist, d.observation_dist)
        )
    )
    found = single.log_prob(x.float())
    assert found.dtype == torch.float32
    close(found.double(), d.log_prob(x), rtol=1e-4, atol=0.0)


def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match="transition_dist"):
        dist.GaussianMRF(normal((), 2), normal((), 2), normal((), 3))
    with pytest.raises(ValueError, match="observation_dist"):
        dist.GaussianMRF(normal((), 2), normal((), 4), normal((), 2))
