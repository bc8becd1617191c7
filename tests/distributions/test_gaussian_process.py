"""Gaussian processes against dense normal laws and textbook formulas."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.errors import ShapeError
from tests.laws.cases_processes import RBF

X = torch.tensor([-1.0, 0.0, 0.3, 2.0], dtype=torch.float64)
Z = torch.tensor([-0.5, 0.3, 5.0], dtype=torch.float64)
NOISE = torch.tensor([0.1, 0.2, 0.05, 0.3], dtype=torch.float64)
Y = torch.tensor([0.3, -0.2, 0.1, 1.0], dtype=torch.float64)
KERNEL = RBF(torch.tensor(0.8, dtype=torch.float64))


def close(actual: Any, expected: Any, tol: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected, rtol=tol, atol=tol)


def test_it_is_a_dense_normal() -> None:
    d = dist.GaussianProcess(KERNEL, X, torch.sin, NOISE, jitter=1e-4)
    dense = dist.MultivariateNormal(X.sin(), KERNEL(X, X) + (NOISE + 1e-4).diag())
    torch.manual_seed(0)
    x = d.sample((5, 2))
    close(d.log_prob(x), dense.log_prob(x))
    close(d.mean, dense.mean)
    close(d.variance, dense.variance)
    close(d.covariance_matrix, dense.covariance_matrix)
    close(d.entropy(), dense.entropy())


def test_kernels_means_and_noises_in_batches() -> None:
    kernel = RBF(torch.tensor([[0.5], [0.8], [1.5]], dtype=torch.float64))
    noise = torch.tensor([[0.1], [0.2]], dtype=torch.float64)
    d = dist.GaussianProcess(kernel, X, 1.5, noise)
    assert d.batch_shape == (3, 2) and d.event_shape == (4,)
    x = torch.randn(6, 3, 2, 4, dtype=torch.float64)
    one = dist.GaussianProcess(KERNEL, X, 1.5, 0.2)
    close(d.log_prob(x)[:, 1, 1], one.log_prob(x[:, 1, 1]), 1e-7)
    close(d.log_prob(x[0, 0, 0])[1, 1], one.log_prob(x[0, 0, 0]), 1e-7)
    close(d.condition(Y, Z).mean[1, 1], one.condition(Y, Z).mean, 1e-7)
    wide = d.expand((4, 3, 2))
    close(wide.condition(Y, Z).variance[2], d.condition(Y, Z).variance)


def test_prediction_is_the_textbooks() -> None:
    """Rasmussen and Williams (2006), equations 2.23 and 2.24."""
    d = dist.GaussianProcess(KERNEL, X, torch.sin, NOISE, jitter=0.0)
    gain = KERNEL(Z, X) @ (KERNEL(X, X) + NOISE.diag()).inverse()
    mean = Z.sin() + gain @ (Y - X.sin())
    covariance = KERNEL(Z, Z) - gain @ KERNEL(X, Z) + 0.01 * torch.eye(3, dtype=torch.float64)
    posterior = d.condition(Y, Z, noise=0.01)
    close(posterior.mean, mean)
    close(posterior.covariance_matrix, covariance)


def test_prediction_conditions_the_joint_law() -> None:
    """log p(y, z) = log p(y) + log p(z | y)."""
    prior = dist.GaussianProcess(KERNEL, X, torch.sin, 0.1)
    z = torch.tensor([0.5, 0.0, -1.0], dtype=torch.float64)
    joint = dist.GaussianProcess(KERNEL, torch.cat([X, Z]), torch.sin, 0.1)
    chained = prior.log_prob(Y) + prior.condition(Y, Z, noise=0.1).log_prob(z)
    close(joint.log_prob(torch.cat([Y, z])), chained)


def test_conditioning_in_turn() -> None:
    later = torch.tensor([1.0, 4.0], dtype=torch.float64)
    at_once = dist.GaussianProcess(KERNEL, torch.cat([X, Z]), torch.sin, 0.1)
    z = torch.tensor([0.5, 0.0, -1.0], dtype=torch.float64)
    expected = at_once.condition(torch.cat([Y, z]), later)
    first = dist.GaussianProcess(KERNEL, X, torch.sin, 0.1).condition(Y, Z, noise=0.1)
    actual = first.condition(z, later)
    close(actual.mean, expected.mean)
    close(actual.covariance_matrix, expected.covariance_matrix, 1e-9)
    assert first.condition(z).event_shape == (3,)


def test_prediction_without_noise_returns_the_data() -> None:
    d = dist.GaussianProcess(KERNEL, X, jitter=1e-9)
    close(d.condition(Y).mean, Y, 1e-7)
    assert (d.condition(Y).variance < 1e-8).all()


def test_many_observations_at_once() -> None:
    d = dist.GaussianProcess(KERNEL, X, noise=0.1)
    y = torch.randn(3, 4, dtype=torch.float64)
    several = d.condition(y, Z)
    assert several.batch_shape == (3,)
    close(several.mean[1], d.condition(y[1], Z).mean)


def test_draws_have_the_mean_and_the_covariance() -> None:
    """4 means and 16 products within 5 standard errors: a false alarm in 1e-5 of the seeds."""
    d = dist.GaussianProcess(KERNEL, X, torch.sin, NOISE)
    torch.manual_seed(1)
    centred = d.sample((20000,)) - d.mean
    white = torch.linalg.solve_triangular(d.scale_tril, centred.T, upper=False).T
    count = len(white) ** 0.5
    assert (white.mean(0).abs() * count < 5).all()
    products = white.unsqueeze(-1) * white.unsqueeze(-2)
    assert (((products.mean(0) - torch.eye(4)) * count / products.std(0)).abs() < 5).all()


def test_gradients() -> None:
    def score(y: Tensor, lengthscale: Tensor, noise: Tensor) -> Tensor:
        return dist.GaussianProcess(RBF(lengthscale), X, torch.sin, noise).log_prob(y)

    def draw(lengthscale: Tensor, noise: Tensor) -> Tensor:
        torch.manual_seed(0)
        d = dist.GaussianProcess(RBF(lengthscale), X, torch.sin, noise)
        return d.condition(d.rsample(), Z).rsample((2,))

    leaf = {"requires_grad": True, "dtype": torch.float64}
    lengthscale, noise = torch.tensor(0.8, **leaf), torch.tensor(0.1, **leaf)
    assert torch.autograd.gradcheck(score, (torch.randn(2, 4, **leaf), lengthscale, noise))
    assert torch.autograd.gradcheck(draw, (lengthscale, noise))


def test_inputs_may_be_anything() -> None:
    words = ["a", "ab", "abc"]

    def shared(x: list[str], z: list[str]) -> Tensor:
        counts = [[float(len({*a} & {*b})) for b in z] for a in x]
        return torch.tensor(counts, dtype=torch.float64)

    d = dist.GaussianProcess(shared, words)
    assert d.condition(torch.ones(3), ["b", "d"]).mean.shape == (2,)
    assert d.expand((2,)).sample().shape == (2, 3)


def test_pickles_if_the_kernel_does() -> None:
    d = dist.GaussianProcess(KERNEL, X, torch.sin, 0.1).condition(Y, Z)
    twin = pickle.loads(pickle.dumps(d))
    close(twin.log_prob(d.mean), d.log_prob(d.mean))


def ones(x: Tensor, z: Tensor) -> Tensor:
    return torch.ones(len(x), len(z))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: dist.GaussianProcess(ones, X, jitter=0.0),
            "eigenvalue is .*Raise jitter.*32",
        ),
        (lambda: dist.GaussianProcess(lambda x, z: -ones(x, z), X), "eigenvalue is -4 with"),
        (lambda: dist.GaussianProcess(lambda x, z: x.sin()[:, None] - z, X), "not symmetric"),
        (lambda: dist.GaussianProcess(lambda x, z: x[:, None] / z, X), "nan or infinite"),
        (lambda: dist.GaussianProcess(KERNEL, X, noise=-0.1), "parameter noise"),
        (lambda: dist.GaussianProcess(KERNEL, X, noise=float("nan")), "parameter noise"),
        (lambda: dist.GaussianProcess(KERNEL, X).condition(Y[:2]), "event_shape"),
    ],
)
def test_bad_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"square matrix.*\(4,\)"):
        dist.GaussianProcess(lambda x, z: x * z, X)
    with pytest.raises(ShapeError, match="broadcast"):
        dist.GaussianProcess(KERNEL, X, noise=torch.ones(3))
    with pytest.raises(NotImplementedError, match="kernel"):
        dist.GaussianProcess.infer_shapes(noise=(3,))


def test_an_indefinite_covariance_is_named_without_validation() -> None:
    with pytest.raises(ValueError, match="not positive definite"):
        dist.GaussianProcess(lambda x, z: -ones(x, z), X, validate_args=False)
