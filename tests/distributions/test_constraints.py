"""Constraints and the transforms that reach them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.autograd.functional import jacobian

from pyro.distributions import biject_to, constraints, transform_to, transforms

SHAPES: list[tuple[Any, tuple[int, ...]]] = [
    (constraints.corr_matrix, (3,)),
    (constraints.ordered_vector, (4,)),
    (constraints.positive_ordered_vector, (4,)),
    (constraints.sphere, (3,)),
    (constraints.circular, (3,)),
    (constraints.sum_to_zero, (3,)),
    (constraints.softplus_positive, (3,)),
    (constraints.softplus_lower_cholesky, (3, 3)),
    (constraints.unit_lower_cholesky, (3, 3)),
    (constraints.positive_definite, (3, 3)),
    (constraints.corr_cholesky, (3,)),
]


@pytest.mark.parametrize(("constraint", "shape"), SHAPES, ids=str)
@pytest.mark.parametrize("batch", [(), (5,)], ids=str)
def test_registered_transforms_reach_the_constraint(
    constraint: Any, shape: tuple[int, ...], batch: tuple[int, ...]
) -> None:
    x = torch.randn(batch + shape, dtype=torch.float64)
    for registry in (biject_to, transform_to):
        transform = registry(constraint)
        y = transform(x)
        assert constraint.check(y).all()
        torch.testing.assert_close(transform(transform.inv(y)), y)


OUTSIDE: list[tuple[Any, Any]] = [
    (constraints.integer, [0.5]),
    (constraints.corr_matrix, [[1.0, 0.2], [0.2, 1.1]]),
    (constraints.corr_matrix, [[1.0, 1.2], [1.2, 1.0]]),
    (constraints.ordered_vector, [1.0, 1.0]),
    (constraints.ordered_vector, [float("nan")]),
    (constraints.positive_ordered_vector, [-1.0, 1.0]),
    (constraints.sphere, [1.0, 1.0]),
    (constraints.circular, [3.2, -3.2]),
    (constraints.sum_to_zero, [1.0, -0.9]),
    (constraints.softplus_positive, [0.0]),
    (constraints.softplus_lower_cholesky, [[1.0, 1.0], [0.0, 1.0]]),
    (constraints.unit_lower_cholesky, [[1.0, 0.0], [0.0, 2.0]]),
    (constraints.unit_lower_cholesky, [[1.0, 1.0], [0.0, 1.0]]),
]


@pytest.mark.parametrize(("constraint", "value"), OUTSIDE, ids=str)
def test_constraints_reject(constraint: Any, value: Any) -> None:
    assert not constraint.check(torch.tensor(value)).any()


def _free(n: int, diagonal: bool) -> tuple[torch.Tensor, torch.Tensor]:
    rows, columns = torch.tril_indices(n, n, 0 if diagonal else -1)
    return rows, columns


def test_ordered_jacobian() -> None:
    x = torch.randn(4, dtype=torch.float64)
    t = transforms.OrderedTransform()
    expected = jacobian(t, x).slogdet()[1]
    torch.testing.assert_close(t.log_abs_det_jacobian(x, t(x)), expected)


@pytest.mark.parametrize("n", [2, 3])
def test_cholesky_jacobian(n: int) -> None:
    """Of the map between the free entries, whose inverse L -> L L' is easy to differentiate."""
    rows, columns = _free(n, True)
    factor = torch.randn(n, n, dtype=torch.float64).tril(-1) + torch.diag(
        torch.rand(n, dtype=torch.float64) + 0.5
    )

    def product(entries: torch.Tensor) -> torch.Tensor:
        lower = torch.zeros(n, n, dtype=torch.float64).index_put((rows, columns), entries)
        return (lower @ lower.T)[rows, columns]

    expected = -jacobian(product, factor[rows, columns]).slogdet()[1]
    t = transforms.CholeskyTransform()
    x = factor @ factor.T
    torch.testing.assert_close(t.log_abs_det_jacobian(x, t(x)), expected)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_corr_matrix_jacobian(n: int) -> None:
    rows, columns = _free(n, False)
    factor = transforms.CorrCholeskyTransform()(torch.randn(n * (n - 1) // 2, dtype=torch.float64))

    def product(entries: torch.Tensor) -> torch.Tensor:
        lower = torch.zeros(n, n, dtype=torch.float64).index_put((rows, columns), entries)
        lower = lower + torch.diag((1 - lower.square().sum(-1)).sqrt())
        return (lower @ lower.T)[rows, columns]

    expected = -jacobian(product, factor[rows, columns]).slogdet()[1]
    t = transforms.CorrMatrixCholeskyTransform()
    x = factor @ factor.T
    torch.testing.assert_close(t.log_abs_det_jacobian(x, t(x)), expected)


def test_softplus_inverse_at_both_ends() -> None:
    y = torch.tensor([1e-30, 1e-3, 1.0, 500.0], dtype=torch.float64)
    t = transforms.SoftplusTransform()
    torch.testing.assert_close(t(t.inv(y)), y)


def test_mixture_support_is_reached() -> None:
    support = constraints.MixtureSameFamilyConstraint(constraints.positive)
    x = torch.randn(3)
    assert support.check(biject_to(support)(x).unsqueeze(-1)).all()
