"""Mass matrices for kernels of one's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.infer.mcmc.adaptation import ArrowheadMassMatrix, BlockMassMatrix
from pyro.infer.mcmc.adaptation.mass_matrix import MassMatrix

BLOCK = ("a", "b")
R = {"a": torch.tensor([1.0, -2.0]), "b": torch.tensor([0.5, 3.0])}


def dense() -> MassMatrix:
    matrix = BlockMassMatrix()
    matrix.configure({BLOCK: (4, 4)})
    return matrix


def diagonal() -> MassMatrix:
    matrix = BlockMassMatrix()
    matrix.configure({BLOCK: (4,)})
    return matrix


def arrow() -> MassMatrix:
    matrix = ArrowheadMassMatrix()
    matrix.configure({BLOCK: (4, 4)}, options={"head_size": {BLOCK: 2}})
    return matrix


def taught(make: Callable[[], MassMatrix]) -> MassMatrix:
    matrix = make()
    generator = torch.Generator().manual_seed(0)
    mix = torch.eye(4) + 0.3 * torch.randn(4, 4, generator=generator)
    for _ in range(400):
        x = mix @ torch.randn(4, generator=generator)
        values = {"a": x[:2], "b": x[2:]}
        matrix.update(values, values)
    matrix.end_adaptation()
    return matrix


def as_matrix(inverse: Tensor) -> Tensor:
    return inverse if inverse.dim() == 2 else inverse.diag()


@pytest.mark.parametrize("make", [dense, diagonal, arrow])
def test_scale_unscale_and_gradient_belong_to_one_matrix(make: Callable[[], MassMatrix]) -> None:
    matrix = taught(make)
    r = torch.cat([R["a"], R["b"]])
    inverse = as_matrix(matrix.inverse_mass_matrix[BLOCK])
    velocity = matrix.kinetic_grad(R)
    torch.testing.assert_close(torch.cat([velocity["a"], velocity["b"]]), inverse @ r)
    standard = matrix.unscale(R)
    torch.testing.assert_close(standard[BLOCK].square().sum(), r @ inverse @ r)
    again = matrix.scale(standard, R)
    torch.testing.assert_close(again, R)


def test_estimates() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(50, 2, generator=generator)
    matrix = BlockMassMatrix()
    matrix.configure({("x",): (2, 2)})
    for row in x:
        matrix.update({"x": row}, {"x": row})
    matrix.end_adaptation()
    expected = 50 / 55 * x.T.cov() + 1e-3 * 5 / 55 * torch.eye(2)
    torch.testing.assert_close(matrix.inverse_mass_matrix["x",], expected)


def test_without_adaptation_nothing_changes() -> None:
    for matrix in (BlockMassMatrix(2.0), ArrowheadMassMatrix(2.0)):
        matrix.configure({BLOCK: (4, 4)}, adapt_mass_matrix=False)
        matrix.update(R, R)
        matrix.end_adaptation()
        torch.testing.assert_close(matrix.inverse_mass_matrix[BLOCK], 2 * torch.eye(4))
