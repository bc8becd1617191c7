"""Gaussian random walks and autoregressions against dense normal laws and independent formulas."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.linalg import solve_discrete_lyapunov
from torch import Tensor

import pyro.distributions as dist
from pyro.errors import ShapeError
from pyro.ops.autoregression import companion, linear_recurrence, stationary_precision


def t(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def close(actual: Any, expected: Any, tol: float = 1e-10) -> None:
    torch.testing.assert_close(
        actual, torch.as_tensor(expected), rtol=tol, atol=tol, check_dtype=False
    )


def dense_autoregression(
    phi: Tensor, scale: float, constant: float, mean: Tensor, covariance: Tensor, length: int
) -> dist.MultivariateNormal:
    """The path as the solution of a triangular system of equations."""
    order = len(phi)
    system = torch.eye(length, dtype=torch.float64)
    for i, k in itertools.product(range(order, length), range(order)):
        system[i, i - 1 - k] = -phi[k]
    right = torch.full((length,), constant, dtype=torch.float64)
    right[:order] = mean
    noise = scale**2 * torch.eye(length, dtype=torch.float64)
    noise[:order, :order] = covariance
    inverse = system.inverse()
    return dist.MultivariateNormal(inverse @ right, inverse @ noise @ inverse.T)


def lyapunov_covariance(phi: Tensor, scale: float) -> Tensor:
    """Of p successive values: the stationary covariance of the companion form, by scipy."""
    step = companion(phi).numpy()
    noise = np.zeros_like(step)
    noise[0, 0] = scale**2
    return torch.as_tensor(solve_discrete_lyapunov(step, noise)).flip(-1, -2)


STATIONARY = [t(0.8), t(-0.95), t(0.5, 0.3), t(1.6, -0.9), t(0.5, -0.3, 0.2), t(0, 0, 0, 0.7)]
stationary = pytest.mark.parametrize("phi", STATIONARY, ids=lambda phi: str(phi.tolist()))


@stationary
def test_stationary_law_solves_the_lyapunov_equation(phi: Tensor) -> None:
    close(stationary_precision(phi).inverse(), lyapunov_covariance(phi, 1.0), 1e-9)


@stationary
@pytest.mark.parametrize("extra", [0, 1, 6])
def test_stationary_path_is_a_dense_normal(phi: Tensor, extra: int) -> None:
    length = len(phi) + extra
    d = dist.AutoRegressive(phi, 0.7, length, constant=0.4)
    level = 0.4 / (1 - phi.sum())
    start = lyapunov_covariance(phi, 0.7)
    dense = dense_autoregression(phi, 0.7, 0.4, level.expand(len(phi)), start, length)
    torch.manual_seed(0)
    x = d.sample((4,))
    close(d.log_prob(x), dense.log_prob(x), 1e-9)
    close(d.mean, level.expand(length))
    close(d.variance, dense.variance)
    close(d.entropy(), dense.entropy())


STARTS = {
    "each": (dist.Normal(t(1.0)[0], t(2.0)[0]), [1.0, 1.0], [[4.0, 0.0], [0.0, 4.0]]),
    "independent": (
        dist.Normal(t(1.0, 2.0), t(2.0, 1.0)).to_event(1),
        [1.0, 2.0],
        [[4.0, 0.0], [0.0, 1.0]],
    ),
    "joint": (
        dist.MultivariateNormal(t(1.0, 2.0), torch.tensor([[2.0, 0.5], [0.5, 1.0]]).double()),
        [1.0, 2.0],
        [[2.0, 0.5], [0.5, 1.0]],
    ),
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("phi", [t(0.5, 0.3), t(2.0, -1.0), t(0.9, 0.4)], ids=str)
def test_path_from_given_values_is_a_dense_normal(phi: Tensor, start: str) -> None:
    """Stationary, the cumulated walk, and explosive."""
    init_dist, mean, covariance = STARTS[start]
    d = dist.AutoRegressive(phi, 0.7, 7, constant=0.4, init_dist=init_dist)
    moments = torch.tensor(mean).double(), torch.tensor(covariance).double()
    dense = dense_autoregression(phi, 0.7, 0.4, *moments, 7)
    torch.manual_seed(0)
    x = d.sample((4,))
    close(d.log_prob(x), dense.log_prob(x), 1e-9)
    close(d.mean, dense.mean)
    close(d.variance, dense.variance)
    close(d.entropy(), dense.entropy())


@pytest.mark.parametrize("drift", [0.0, 0.3])
@pytest.mark.parametrize("start", [None, (2.0, 0.5)], ids=["zero", "given"])
def test_random_walk_is_a_dense_normal(drift: float, start: tuple[float, float] | None) -> None:
    init_dist = None if start is None else dist.Normal(t(start[0])[0], t(start[1])[0])
    d = dist.GaussianRandomWalk(t(0.7)[0], 6, drift, init_dist)
    mean, stdev = start or (drift, 0.7)
    dense = dense_autoregression(t(1.0), 0.7, drift, t(mean), t(stdev**2).reshape(1, 1), 6)
    torch.manual_seed(0)
    x = d.sample((4,))
    close(d.log_prob(x), dense.log_prob(x))
    close(d.mean, dense.mean)
    close(d.variance, dense.variance)
    close(d.entropy(), dense.entropy())
    close(
        d.log_prob(x),
        np.asarray(stats.multivariate_normal(d.mean, dense.covariance_matrix).logpdf(x)),
    )


def test_a_walk_is_an_autoregression_with_coefficient_one() -> None:
    start = dist.Normal(t(0.5)[0], t(2.0)[0])
    walk = dist.GaussianRandomWalk(t(0.7)[0], 5, 0.1, start)
    same = dist.AutoRegressive(t(1.0), t(0.7)[0], 5, 0.1, start)
    x = walk.sample((3,))
    close(same.log_prob(x), walk.log_prob(x))
    close(same.variance, walk.variance)


FAMILIES: dict[str, Any] = {
    "walk": lambda: dist.GaussianRandomWalk(t(0.7)[0], 6, 0.3),
    "ar": lambda: dist.AutoRegressive(t(1.2, -0.5), 0.7, 6, 0.3),
    "from": lambda: dist.AutoRegressive(t(1.2, -0.1), 0.7, 6, 0.3, dist.Normal(1.0, t(2.0)[0])),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_draws_have_the_mean_and_the_covariance(name: str) -> None:
    """Whitened by the density's own Hessian; 6 means and 36 products within 5 standard errors:
    a false alarm in 3e-5 of the seeds."""
    d = FAMILIES[name]()
    torch.manual_seed(1)
    x = d.sample((20000,))
    precision = -torch.autograd.functional.hessian(d.log_prob, d.mean)
    white = (x - d.mean) @ torch.linalg.cholesky(precision)
    count = len(white) ** 0.5
    assert (white.mean(0).abs() * count < 5).all()
    products = white.unsqueeze(-1) * white.unsqueeze(-2)
    deviation = (products.mean(0) - torch.eye(6)) * count / products.std(0)
    assert (deviation.abs() < 5).all()


def test_gradients() -> None:
    x = torch.randn(2, 5, dtype=torch.float64)

    def walk(value: Tensor, scale: Tensor, drift: Tensor) -> Tensor:
        return dist.GaussianRandomWalk(scale, 5, drift).log_prob(value)

    def path(value: Tensor, phi: Tensor, scale: Tensor, constant: Tensor) -> Tensor:
        return dist.AutoRegressive(phi, scale, 5, constant).log_prob(value)

    def draw(phi: Tensor, scale: Tensor, constant: Tensor) -> Tensor:
        torch.manual_seed(0)
        return dist.AutoRegressive(phi, scale, 5, constant).rsample((2,))

    def moments(phi: Tensor, scale: Tensor, constant: Tensor) -> tuple[Tensor, Tensor]:
        d = dist.AutoRegressive(phi, scale, 5, constant)
        return d.mean, d.variance

    leaf = {"requires_grad": True, "dtype": torch.float64}
    scale, drift = torch.tensor(0.7, **leaf), torch.tensor(0.2, **leaf)
    phi = torch.tensor([0.5, -0.3], **leaf)
    assert torch.autograd.gradcheck(walk, (x.requires_grad_(), scale, drift))
    assert torch.autograd.gradcheck(path, (x, phi, scale, drift))
    assert torch.autograd.gradcheck(draw, (phi, scale, drift))
    assert torch.autograd.gradcheck(moments, (phi, scale, drift))


def test_everything_broadcasts() -> None:
    phi = torch.tensor([[0.5, 0.1], [0.2, -0.3], [0.0, 0.4]]).double()
    scale = torch.tensor([[0.5], [0.7]]).double()
    start = dist.Normal(torch.zeros(4, 1, 1).double(), 1.0)
    d = dist.AutoRegressive(phi, scale, 5, 0.1, start)
    assert d.batch_shape == (4, 2, 3) and d.event_shape == (5,)
    x = torch.randn(5, dtype=torch.float64)
    one = dist.AutoRegressive(phi[2], scale[1, 0], 5, 0.1, dist.Normal(t(0.0)[0], 1.0))
    close(d.log_prob(x)[3, 1, 2], one.log_prob(x))
    close(d.variance[3, 1, 2], one.variance)
    assert d.rsample((6,)).shape == (6, 4, 2, 3, 5)
    walk = dist.GaussianRandomWalk(scale, 5, torch.zeros(3).double(), start)
    assert walk.batch_shape == (4, 2, 3)
    assert walk.log_prob(x).shape == (4, 2, 3)


def test_a_long_path() -> None:
    torch.manual_seed(0)
    start = time.process_time()
    d = dist.AutoRegressive(t(1.6, -0.9), 0.7, 10_000)
    x = d.rsample()
    assert torch.isfinite(x).all()
    value = d.log_prob(x)
    noise = x[2:] - 1.6 * x[1:-1] + 0.9 * x[:-2]
    pairs = dist.MultivariateNormal(torch.zeros(2).double(), lyapunov_covariance(t(1.6, -0.9), 0.7))
    close(value, pairs.log_prob(x[:2]) + dist.Normal(0.0, t(0.7)).log_prob(noise).sum())
    assert (x.var() / d.variance[0] - 1).abs() < 0.3  # of about 400 independent values
    walk = dist.GaussianRandomWalk(0.1, 10_000)
    assert torch.isfinite(walk.log_prob(walk.sample()))
    assert time.process_time() - start < 5


def test_recurrence_is_the_loop() -> None:
    torch.manual_seed(0)
    for length in (1, 2, 3, 7, 8):
        matrix = torch.randn(4, 1, 2, 2, dtype=torch.float64)
        inputs = torch.randn(3, length, 2, dtype=torch.float64)
        state, states = torch.zeros(4, 3, 2, 1, dtype=torch.float64), []
        for i in range(length):
            state = matrix @ state + inputs[:, i, :, None]
            states.append(state.squeeze(-1))
        if length > 1:
            close(linear_recurrence(matrix, inputs), torch.stack(states, -2))
        else:
            close(linear_recurrence(matrix, inputs), inputs)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_extreme_scales(scale: float) -> None:
    leaf = torch.tensor(scale, requires_grad=True)
    for d in (dist.GaussianRandomWalk(leaf, 4), dist.AutoRegressive(0.9, leaf, 4)):
        value = d.log_prob(d.sample())
        assert torch.isfinite(value)
        assert torch.isfinite(torch.autograd.grad(value, leaf)[0] * scale)


def test_next_to_a_unit_root() -> None:
    phi = torch.tensor([1 - 1e-12], dtype=torch.float64, requires_grad=True)
    d = dist.AutoRegressive(phi, 1.0, 4)
    value = d.log_prob(torch.ones(4, dtype=torch.float64))
    assert torch.isfinite(value) and torch.isfinite(torch.autograd.grad(value, phi)[0])
    close(d.variance[0] * 2e-12, 1.0, 1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dist.AutoRegressive([0.5, 0.6], 1.0, 5), "modulus up to 1.06.*init_dist"),
        (lambda: dist.AutoRegressive(1.0, 1.0, 5), "no stationary law"),
        (lambda: dist.AutoRegressive([0.5, 0.2], 1.0, 1), "num_steps=1 is less than the order, 2"),
        (lambda: dist.AutoRegressive(torch.zeros(0), 1.0, 1), "give at least one"),
        (lambda: dist.AutoRegressive(0.5, 1.0, 2.5), "positive int, not 2.5"),
        (lambda: dist.GaussianRandomWalk(1.0, 0), "positive int, not 0"),
        (lambda: dist.GaussianRandomWalk(-1.0, 2), "parameter scale"),
        (
            lambda: dist.GaussianRandomWalk(1.0, 2, init_dist=dist.MultivariateNormal(*EYE)),
            r"event_shape is \(3,\)",
        ),
        (
            lambda: dist.AutoRegressive([0.5, 0.2], 1.0, 4, 0, dist.MultivariateNormal(*EYE)),
            r"first 2 values.*event_shape is \(3,\)",
        ),
    ],
)
def test_bad_arguments_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


EYE = (torch.zeros(3), torch.eye(3))


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match="broadcast"):
        dist.GaussianRandomWalk(torch.ones(3), 2, torch.zeros(2))
    with pytest.raises(ValueError, match="event_shape"):
        dist.GaussianRandomWalk(1.0, 3).log_prob(torch.zeros(4))


def test_variance_needs_the_covariance_of_the_first_values() -> None:
    start = dist.MixtureSameFamily(
        dist.Categorical(torch.ones(2)), dist.Normal(torch.zeros(2, 2), 1.0).to_event(1)
    )
    d = dist.AutoRegressive([0.5, 0.2], 1.0, 4, init_dist=start)
    assert d.sample().shape == (4,) and not d.has_rsample
    with pytest.raises(NotImplementedError, match="MixtureSameFamily"):
        _ = d.variance


def test_numbers_of_numpy_are_lengths() -> None:
    assert dist.GaussianRandomWalk(1.0, np.int64(3)).event_shape == (3,)
