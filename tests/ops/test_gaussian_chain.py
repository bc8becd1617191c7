"""The derivative of a chain of Gaussian kernels that is worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pyro.ops.gaussian_chain import filter_chain
from pyro.ops.gaussian_kernel import Kernel, State, absorb
from pyro.ops.scan import affine_recursion

LAYOUTS = {
    "common": (1, 1, None),
    "common-batch": (2, 1, None),
    "by-time": (2, 1, "all"),
    "by-batch": (2, 2, 1),
    "by-both": (2, 2, "all"),
}


def chain(n: int, steps: int, layout: str) -> list[Tensor]:
    """A state and a chain: batch of vectors, batch and time of matrices."""
    batch, matrix_batch, time = LAYOUTS[layout]
    shape: tuple[int, ...] = () if time is None else (matrix_batch, steps if time == "all" else 1)

    def psd(*shape: int) -> Tensor:
        a = torch.randn(n, n, *shape, dtype=torch.float64)
        return torch.einsum("ij...,kj...->ik...", a, a)

    def vector(time: int) -> Tensor:
        return torch.randn(n, batch, time, dtype=torch.float64)

    A = 0.5 * torch.randn(n, n, *shape, dtype=torch.float64)
    cov = psd(*((matrix_batch, 1) if shape else ()))
    return [vector(1), cov, A, vector(steps), psd(*shape), vector(steps), psd(*shape)]


def run(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The evidence, with symmetric matrices."""
    given = [(x + x.transpose(0, 1)) / 2 if i in (1, 4, 6) else x for i, x in enumerate(tensors)]
    found = filter_chain(State(*given[:2]), Kernel(*given[2:]))
    return *found.state, found.misfit, found.log_det


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 6, 7])
@pytest.mark.parametrize("n", [1, 2])
def test_derivative(n: int, steps: int, layout: str) -> None:
    torch.manual_seed(0)
    inputs = [x.requires_grad_() for x in chain(n, steps, layout)]
    assert torch.autograd.gradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_second_derivative(layout: str) -> None:
    torch.manual_seed(0)
    inputs = [x.requires_grad_() for x in chain(2, 3, layout)]
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n", [1, 3, 8])
def test_halves_are_steps(n: int, layout: str) -> None:
    """By halves and one by one give the same final state."""
    torch.manual_seed(0)
    tensors = chain(n, 11, layout)
    found = run(*tensors)
    state, kernel = State(*tensors[:2]), Kernel(*tensors[2:])

    def at(x: Tensor, t: int) -> Tensor:
        return x[..., t : t + 1] if x.dim() > 2 and x.shape[-1] > 1 else x

    for t in range(11):
        one: Any = Kernel(*(at(x, t) for x in kernel))
        state, _ = absorb(state, one)
    for actual, expected in zip(found[:2], state, strict=True):
        torch.testing.assert_close(actual, expected.expand(actual.shape))


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 11])
@pytest.mark.parametrize("varies", [False, True])
def test_affine_recursion(steps: int, varies: bool) -> None:
    torch.manual_seed(0)
    first, noise = torch.randn(4, 1, 2), torch.randn(4, steps, 2)
    matrix = torch.randn(*((steps,) if varies else ()), 2, 2)
    x, rows = first[:, 0], []
    for t in range(steps):
        x = x @ (matrix[t] if varies else matrix) + noise[:, t]
        rows.append(x)
    expected = torch.stack(rows, 1)
    torch.testing.assert_close(affine_recursion(first, matrix, noise), expected)
