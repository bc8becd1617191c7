"""Ratios of gamma functions: digits at any size, derivatives of every order and mode."""

from __future__ import annotations

from typing import Any

import pytest
import scipy.special as sp
import torch
from torch import Tensor

from pyro.ops.gamma_ratio import digamma_difference, log_gamma_ratio

SMALL = torch.tensor([1e-3, 0.5, 3.0, 15.0], dtype=torch.float64)
LARGE = torch.tensor([17.0, 80.0, 1e3, 1e4], dtype=torch.float64)
COUNTS = torch.tensor([0.0, 1.0, 2.5, 40.0], dtype=torch.float64)
sizes = pytest.mark.parametrize(
    "x", [SMALL, LARGE, torch.cat([SMALL, LARGE])], ids=["small", "large", "both"]
)


def columns(k: Tensor) -> Tensor:
    """A column, so that it broadcasts with a row of the others."""
    return k.unsqueeze(-1).clone()


@sizes
def test_values(x: Tensor) -> None:
    k = columns(COUNTS)
    expected = torch.as_tensor(sp.gammaln((x + k).numpy()) - sp.gammaln(x.numpy()))
    torch.testing.assert_close(log_gamma_ratio(x, k), expected, rtol=1e-9, atol=1e-10)
    slope = torch.as_tensor(sp.digamma((x + k).numpy()) - sp.digamma(x.numpy()))
    torch.testing.assert_close(digamma_difference(x, k), slope, rtol=1e-9, atol=1e-10)


@pytest.mark.filterwarnings("ignore:.torch.jit")  # what torch's forward mode is made of
@sizes
def test_derivatives(x: Tensor) -> None:
    args = x.clone().requires_grad_(), columns(COUNTS + 0.1).requires_grad_()
    torch.autograd.gradcheck(log_gamma_ratio, args, check_forward_ad=True)
    torch.autograd.gradgradcheck(log_gamma_ratio, args)


def test_a_large_argument_keeps_its_digits() -> None:
    x = torch.tensor([1e7, 1e12], requires_grad=True)
    k = torch.tensor(3.0)
    log_gamma_ratio(x, k).sum().backward()
    exact = x.detach().double()
    torch.testing.assert_close(log_gamma_ratio(x, k), (3 * exact.log()).float())
    torch.testing.assert_close(x.grad, (3 / exact).float())


@pytest.mark.parametrize("dims", [(0, 0), (0, None), (None, 0), (1, None)], ids=str)
def test_vmap(dims: tuple[Any, Any]) -> None:
    x, k = torch.rand(4, 4) * 30, torch.rand(4, 1) * 5
    lone = torch.stack(
        [
            log_gamma_ratio(
                x if dims[0] is None else x.select(dims[0], i), k if dims[1] is None else k[i]
            )
            for i in range(4)
        ]
    )
    torch.testing.assert_close(torch.func.vmap(log_gamma_ratio, dims)(x, k), lone)


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_a_traced_function_holds_for_other_sizes() -> None:
    traced = torch.jit.trace(log_gamma_ratio, (SMALL, COUNTS))
    torch.testing.assert_close(traced(LARGE, COUNTS), log_gamma_ratio(LARGE, COUNTS))


def test_nothing_is_fine() -> None:
    assert log_gamma_ratio(torch.zeros(0), torch.zeros(0)).shape == (0,)
