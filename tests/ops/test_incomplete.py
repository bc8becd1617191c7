"""Incomplete gamma and beta functions, against scipy and beyond its range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special as ss
import torch

from pyro.ops.incomplete import log_incomplete_beta, log_incomplete_gamma
from pyro.ops.log_ndtr import log_ndtr
from pyro.ops.tail_functions import log1mexp, log_diff_exp, log_ndtri

GRID = torch.tensor([0.01, 0.5, 2.0, 30.0, 500.0, 1e4], dtype=torch.float64)


def assert_logs(actual: torch.Tensor, expected: Any) -> None:
    known = expected > 1e-280
    np.testing.assert_allclose(actual.numpy()[known], np.log(expected[known]), 1e-8, 1e-9)
    assert not actual.isnan().any()


def test_gamma() -> None:
    a, x = GRID[:, None], torch.cat([GRID, GRID.new_tensor([1e-20, 9500.0])])
    lower, upper = log_incomplete_gamma(a, x)
    assert_logs(lower, ss.gammainc(a.numpy(), x.numpy()))
    assert_logs(upper, ss.gammaincc(a.numpy(), x.numpy()))
    assert (lower + upper).isfinite().all()


def test_gamma_far_out() -> None:
    """Q(3, x) = e^-x (1 + x + x^2/2)."""
    x = torch.tensor(1000.0, dtype=torch.float64)
    upper = log_incomplete_gamma(x.new_tensor(3.0), x)[1]
    assert upper.item() == pytest.approx(-1000 + np.log(1 + 1000 + 5e5), rel=1e-12)


def test_beta() -> None:
    x = torch.tensor([1e-10, 1e-3, 0.2, 0.5, 0.9, 0.9999], dtype=torch.float64)
    a, b, x = torch.meshgrid(GRID, GRID, x, indexing="ij")
    lower, upper = log_incomplete_beta(a, b, x, 1 - x)
    assert_logs(lower, ss.betainc(a.numpy(), b.numpy(), x.numpy()))
    assert_logs(upper, ss.betaincc(a.numpy(), b.numpy(), x.numpy()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_normal_tails(dtype: torch.dtype) -> None:
    x = torch.tensor([-1e4, -100.0, -10, -1.01, -0.99, 0, 5, 40], dtype=dtype, requires_grad=True)
    y = log_ndtr(x)
    point = x.detach().double().numpy()
    np.testing.assert_allclose(y.detach(), ss.log_ndtr(point), rtol=1e-6)
    y.sum().backward()
    hazard = np.exp(-(point**2) / 2 - ss.log_ndtr(point)) / np.sqrt(2 * np.pi)
    hazard = np.where(point < -50, -point, hazard)
    np.testing.assert_allclose(x.grad, hazard, rtol=2e-4)
    p = torch.tensor([-1e6, -50.0, -0.7, -0.69, -1e-5], dtype=dtype)
    torch.testing.assert_close(log_ndtr(log_ndtri(p)), p, rtol=2e-6, atol=0)


def test_differences_of_logarithms() -> None:
    a = torch.tensor([-1e-20, -1e-3, -1.0, -50.0], dtype=torch.float64)
    np.testing.assert_allclose(log1mexp(a), np.log(-np.expm1(a.numpy())), rtol=1e-12, atol=1e-20)
    inf = torch.tensor(-torch.inf)
    assert log_diff_exp(inf, inf) == -torch.inf
    assert log_diff_exp(torch.tensor(-3.0), inf) == -3
