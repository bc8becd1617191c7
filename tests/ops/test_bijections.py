"""The numerics behind transforms: cosine and Haar transforms, roots, clamping."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import fft
from torch import Tensor

from pyro.ops.clamp import clamp_preserve_gradients
from pyro.ops.dct import dct, idct
from pyro.ops.haar import haar_transform, inverse_haar_transform
from pyro.ops.roots import solve_increasing


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 16, 33])
def test_dct_is_scipys(n: int) -> None:
    x = torch.randn(3, n, dtype=torch.float64)
    torch.testing.assert_close(dct(x), torch.as_tensor(fft.dct(x.numpy(), norm="ortho")))
    torch.testing.assert_close(idct(dct(x)), x)
    torch.testing.assert_close(dct(x, dim=0), dct(x.T).T)
    torch.testing.assert_close(idct(x, dim=0), idct(x.T).T)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 16, 33])
def test_haar_is_orthonormal(n: int) -> None:
    eye = torch.eye(n, dtype=torch.float64)
    matrix = haar_transform(eye)
    torch.testing.assert_close(matrix @ matrix.T, eye)
    torch.testing.assert_close(inverse_haar_transform(matrix), eye)
    constant = haar_transform(torch.ones(n))
    assert (constant.abs() > 1e-6).sum() <= math.ceil(math.log2(n + 1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_roots(dtype: torch.dtype) -> None:
    x = torch.tensor([-1e6, -3.0, -1e-3, 0.0, 1e-3, 3.0, 1e6], dtype=dtype)

    def function(at: Tensor) -> Tensor:
        return at.asinh() + at / 10

    found = solve_increasing(function, function(x))
    torch.testing.assert_close(found, x, rtol=4e-6 if dtype is torch.float32 else 1e-13, atol=1e-7)


def test_gradient_of_roots() -> None:
    y = torch.tensor([2.0, 30.0], dtype=torch.float64, requires_grad=True)
    a = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda y, a: solve_increasing(lambda x: x**3 + a * x, y), (y, a), atol=1e-6
    )


def test_clamp_lets_gradients_pass() -> None:
    x = torch.tensor([-5.0, 0.5, 5.0], requires_grad=True)
    y = clamp_preserve_gradients(x, -1.0, 1.0)
    assert y.tolist() == [-1.0, 0.5, 1.0]
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1.0, 1.0, 1.0]
