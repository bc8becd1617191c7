"""Functions of tensors against their definitions, scipy and dense computations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import scipy.signal
import torch

from pyro import settings
from pyro.errors import ShapeError
from pyro.ops import tensor_utils as u

D = torch.float64


def spd(*shape: int, n: int = 4) -> torch.Tensor:
    torch.manual_seed(0)
    root = torch.randn(*shape, n, n + 2, dtype=D)
    return root @ root.mT


@pytest.mark.parametrize("shape", [(2, 3, 4), (5, 1, 2, 2), (1, 3, 1)])
def test_block_diagonals(shape: tuple[int, ...]) -> None:
    blocks = torch.randn(shape)
    whole = u.block_diag_embed(blocks)
    for index in np.ndindex(*shape[:-3]):
        assert torch.equal(whole[index], torch.block_diag(*blocks[index]))
    assert torch.equal(u.block_diagonal(whole, shape[-3]), blocks)
    with pytest.raises(ShapeError, match="blocks"):
        u.block_diagonal(torch.zeros(4, 5), 2)


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("period", [1, 3, 10])
def test_periodic_sums_and_repetitions(dim: int, period: int) -> None:
    x = torch.randn(7, 7)
    sums, moved = u.periodic_cumsum(x, period, dim).movedim(dim, 0), x.movedim(dim, 0)
    for t in range(7):
        expected = moved[t] + (sums[t - period] if t >= period else 0)
        torch.testing.assert_close(sums[t], expected)
    part = x.movedim(dim, 0)[:period].movedim(0, dim)
    repeated = u.periodic_repeat(part, 25, dim).movedim(dim, 0)
    for t in range(25):
        assert torch.equal(repeated[t], part.movedim(dim, 0)[t % part.shape[dim]])


def test_periodic_features() -> None:
    features = u.periodic_features(50, 7.5, 2.1, dtype=D)
    assert features.shape == (50, 6)
    angles = 2 * np.pi * np.arange(50)[:, None] * np.arange(1, 4) / 7.5
    np.testing.assert_allclose(features, np.hstack([np.cos(angles), -np.sin(angles)]), atol=1e-12)
    assert u.periodic_features(9).shape == (9, 8)
    for periods in ((5, 1.0), (5, 8.0, 9.0), (5, 8.0, 1.5)):
        with pytest.raises(ValueError, match="min_period"):
            u.periodic_features(*periods)


def test_next_fast_len_is_scipys() -> None:
    for size in range(1, 300):
        assert u.next_fast_len(size) == scipy.fft.next_fast_len(size, real=True)
    with pytest.raises(ValueError, match="positive"):
        u.next_fast_len(0)


@pytest.mark.parametrize("mode", ["full", "valid", "same"])
@pytest.mark.parametrize(("m", "n"), [(5, 3), (6, 2), (8, 8), (20, 1)])
def test_convolution_is_scipys(mode: str, m: int, n: int) -> None:
    x, k = torch.randn(2, 1, m, dtype=D), torch.randn(3, n, dtype=D)
    actual = u.convolve(x, k, mode)
    for i, j in np.ndindex(2, 3):
        expected = scipy.signal.convolve(x[i, 0].numpy(), k[j].numpy(), mode)
        np.testing.assert_allclose(actual[i, j], expected, atol=1e-12)
    with pytest.raises(ValueError, match="mode"):
        u.convolve(x, k, "circular")


@pytest.mark.parametrize("n", [1, 2, 3, 8, 13])
def test_powers_of_matrices(n: int) -> None:
    M = torch.randn(2, 3, 3, dtype=D)
    powers = u.repeated_matmul(M, n)
    assert powers.shape == (n, 2, 3, 3)
    for i in range(n):
        torch.testing.assert_close(powers[i], torch.linalg.matrix_power(M, i + 1))
    with pytest.raises(ValueError, match="positive"):
        u.repeated_matmul(M, 0)


@pytest.mark.parametrize("n", [1, 4])
def test_linear_algebra_is_dense(n: int) -> None:
    a, b = spd(2, n=n), torch.randn(2, n, 3, dtype=D)
    factor = u.safe_cholesky(a)
    torch.testing.assert_close(factor @ factor.mT, a)
    torch.testing.assert_close(a @ u.cholesky_solve(b, factor), b)
    for upper in (False, True):
        for transpose in (False, True):
            y = factor.mT if upper else factor
            solution = u.triangular_solve(b, y, upper, transpose)
            torch.testing.assert_close((y.mT if transpose else y) @ solution, b)
    tril = u.precision_to_scale_tril(a)
    torch.testing.assert_close(tril, torch.linalg.cholesky(torch.linalg.inv(a)))
    torch.testing.assert_close(u.matvecmul(a, b[..., 0]), u.matmul(a, b)[..., 0])


def test_jitter_is_a_setting() -> None:
    x = torch.diag(torch.tensor([1.0, 100.0, 4.0], dtype=D))
    with settings.context(cholesky_relative_jitter=1e12):
        added = u.safe_cholesky(x).square().diagonal() - x.diagonal()
    torch.testing.assert_close(added, x.diagonal() * 1e12 * torch.finfo(D).eps)
    with settings.context(cholesky_relative_jitter=0.0), pytest.raises(RuntimeError):
        u.safe_cholesky(torch.ones(2, 2, dtype=D))
    with pytest.raises(ValueError, match="nonnegative"):
        settings.set(cholesky_relative_jitter=-1.0)


def test_safe_normalize() -> None:
    x = torch.tensor([[0.0, 0.0], [3.0, -4.0]], requires_grad=True)
    assert u.safe_normalize(x).tolist() == [[1.0, 0.0], [pytest.approx(0.6), pytest.approx(-0.8)]]
    torch.testing.assert_close(u.safe_normalize(x, p=1)[1], torch.tensor([3 / 7, -4 / 7]))
    (gradient,) = torch.autograd.grad(u.safe_normalize(x).sum(), x)
    assert gradient.isfinite().all()


def test_broadcast_without_one_dimension() -> None:
    a, b = torch.zeros(2, 1, 4), torch.zeros(3, 5)
    for dim, shapes in ((-1, [(2, 3, 4), (2, 3, 5)]), (-2, [(2, 1, 4), (2, 3, 4)])):
        pair = u.broadcast_tensors_without_dim([a, b if dim == -1 else b[:, :4]], dim)
        assert [tuple(part.shape) for part in pair] == shapes
    same = u.broadcast_tensors_without_dim([torch.zeros(2, 1), torch.zeros(5, 3)], 0)
    assert [tuple(part.shape) for part in same] == [(2, 3), (5, 3)]
    with pytest.raises(ValueError, match="negative"):
        u.broadcast_tensors_without_dim([a, b], 1)


def test_pairs_as_complex_numbers() -> None:
    pairs = torch.randn(5, 3, 2).transpose(0, 1)[..., ::1]
    odd = torch.randn(3, 7)[:, 1:3]  # of odd stride
    for x in (pairs, odd):
        assert torch.equal(u.as_complex(x).imag, x[..., 1])
