"""The exponential of a matrix on a vector against the exponential itself."""

from __future__ import annotations

import pytest
import torch

from pyro.ops.matrix_exponential import expm_action


@pytest.mark.parametrize("norm", [0.0, 0.3, 1.0, 5.0, 20.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_it_is_the_exponential(norm: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(6, 4, 4, dtype=dtype)
    matrix = matrix * (norm / matrix.abs().sum(-1).max())
    x = torch.randn(6, 4, dtype=dtype)
    expected = (torch.linalg.matrix_exp(matrix.double()) @ x.double().unsqueeze(-1)).squeeze(-1)
    tol = 20 * torch.finfo(dtype).eps
    scale = expected.abs().max().item()
    torch.testing.assert_close(
        expm_action(matrix, x), expected.to(dtype), rtol=tol, atol=tol * scale
    )
    shared = torch.linalg.matrix_exp(matrix[0]) @ x.mT
    torch.testing.assert_close(expm_action(matrix[0], x), shared.mT, rtol=1e-5, atol=1e-5)


def test_gradients() -> None:
    torch.manual_seed(1)
    matrix = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(expm_action, (matrix, x))
    torch.autograd.gradgradcheck(expm_action, (matrix, x))
