"""The normal distribution function in logarithms: digits at any distance, every derivative."""

from __future__ import annotations

import pytest
import scipy.special as sp
import torch

from pyro.ops.log_ndtr import log_ndtr, log_normal_exponential

POINTS = torch.tensor([-1e4, -60.0, -12.5, -11.5, -5.5, -4.5, -1.0, 0.0, 2.0, 9.0]).double()
# z, s, and the logarithm, computed with 60 digits
TILTED = [
    (1.0, 2.0, -1.8410216450092636),
    (-5.0, 3.0, -15.51343715991455),
    (100.0, 1.0, -99.5),
    (-1e4, 1.0, -50000010.12937891),
    (3.0, 40.0, -9.030585576890594),
    (-30.0, 5.0, -454.47510126192253),
]
jit = pytest.mark.filterwarnings("ignore:.torch.jit")  # what torch's forward mode is made of


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_log_ndtr_is_scipys(dtype: torch.dtype) -> None:
    x = POINTS.to(dtype)
    tol = 8 * torch.finfo(dtype).eps
    expected = torch.as_tensor(sp.log_ndtr(x.double().numpy())).to(dtype)
    torch.testing.assert_close(log_ndtr(x), expected, rtol=tol, atol=1e-19)
    for one in x:  # alone, so that only its own formula is used
        torch.testing.assert_close(log_ndtr(one), log_ndtr(x)[x == one][0], rtol=tol, atol=1e-19)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_slope_is_the_ratio_of_density_and_tail(dtype: torch.dtype) -> None:
    x = POINTS.to(dtype).requires_grad_()
    (slope,) = torch.autograd.grad(log_ndtr(x).sum(), x)
    at = x.detach().double()
    log_tail = torch.as_tensor(sp.log_ndtr(at.numpy()))
    expected = (-(at**2) / 2 - log_tail).exp() / (2 * torch.pi) ** 0.5
    near = at > -40  # further out the reference has no digits, and the slope is -x
    tol = 200 * torch.finfo(dtype).eps
    torch.testing.assert_close(slope[near].double(), expected[near], rtol=tol, atol=1e-20)
    torch.testing.assert_close(slope[~near].double(), -at[~near], rtol=1e-3, atol=0.0)


@jit
def test_derivatives_of_every_order_and_mode() -> None:
    x = torch.tensor([-40.0, -13.0, -11.0, -3.0, 0.5, 4.0], dtype=torch.float64)
    torch.autograd.gradcheck(log_ndtr, (x.requires_grad_(),), check_forward_ad=True)
    torch.autograd.gradgradcheck(log_ndtr, (x,))
    z = torch.tensor([-3.0, 0.0, 5.0, -20.0], dtype=torch.float64, requires_grad=True)
    s = torch.tensor([[1.0], [2.5]], dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(log_normal_exponential, (z, s), check_forward_ad=True)
    torch.autograd.gradgradcheck(log_normal_exponential, (z, s))


@pytest.mark.parametrize(("z", "s", "expected"), TILTED)
def test_a_normal_plus_an_exponential(z: float, s: float, expected: float) -> None:
    value = log_normal_exponential(torch.tensor(z).double(), torch.tensor(s).double())
    assert value.item() == pytest.approx(expected, rel=1e-13)


def test_vmap() -> None:
    x = torch.linspace(-20.0, 5.0, 12).reshape(3, 4)
    torch.testing.assert_close(torch.func.vmap(log_ndtr)(x), log_ndtr(x))
    both = torch.func.vmap(log_normal_exponential, (0, None))(x, x[0].exp())
    torch.testing.assert_close(both, log_normal_exponential(x, x[0].exp()))


@jit
def test_a_traced_function_holds_elsewhere() -> None:
    traced = torch.jit.trace(log_ndtr, (torch.tensor([1.0, 2.0]),))
    x = torch.tensor([-50.0, 0.5])
    torch.testing.assert_close(traced(x), log_ndtr(x))
