"""Every transform of the table: values, log determinants and gradients are those of torch."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.distributions import constraints
from tests.compile.eager import check, with_gradients
from tests.laws.transform_cases import CASES, Case

COMPLEX = ("dct", "dct_even", "dct_dim")  # by a Fourier transform
QUICK = ("affine_autoregressive", "ordered", "spline", "planar", "conditional_radial", "haar")


def forward(transform: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    y = transform(x)
    return y, transform.log_abs_det_jacobian(x, y)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, id=c.id, marks=() if c.id in QUICK else pytest.mark.slow)
        for c in CASES
        if c.id not in COMPLEX
    ],
)
def test_transforms(case: Case) -> None:
    made = case.build()
    transform = case.at(made, (2,))
    check(with_gradients(lambda x: forward(transform, x)), [case.draw(transform, (2,))])


CONSTRAINTS = {
    "real": (constraints.real, (2,)),
    "positive": (constraints.positive, (2,)),
    "nonnegative": (constraints.nonnegative, (2,)),
    "greater_than": (constraints.greater_than(1.5), (2,)),
    "less_than": (constraints.less_than(-0.5), (2,)),
    "interval": (constraints.interval(-1.0, 2.0), (2,)),
    "unit_interval": (constraints.unit_interval, (2,)),
    "softplus_positive": (constraints.softplus_positive, (2,)),
    "simplex": (constraints.simplex, (2, 3)),
    "ordered_vector": (constraints.ordered_vector, (2, 4)),
    "positive_ordered_vector": (constraints.positive_ordered_vector, (2, 4)),
    "sphere": (constraints.sphere, (2, 3)),
    "lower_cholesky": (constraints.lower_cholesky, (2, 3, 3)),
    "softplus_lower_cholesky": (constraints.softplus_lower_cholesky, (2, 3, 3)),
    "corr_cholesky": (constraints.corr_cholesky, (2, 6)),
    "corr_matrix": (constraints.corr_matrix, (2, 6)),
    "positive_definite": (constraints.positive_definite, (2, 3, 3)),
    "stack": (constraints.stack([constraints.positive, constraints.unit_interval], -1), (2, 2)),
    "cat": (constraints.cat([constraints.positive, constraints.real], -1, [2, 1]), (3,)),
    "independent": (constraints.independent(constraints.positive, 1), (2, 3)),
}


def pieces(transform: Any, x: Tensor) -> list[Tensor]:
    """The image, and where they exist the log determinant and the way back."""
    y = transform(x)
    found = [y]
    for more in (lambda: transform.log_abs_det_jacobian(x, y), lambda: transform.inv(y + 0.0)):
        try:
            found.append(more())
        except NotImplementedError:
            continue
    return found


def test_all_constraints_have_compiled_coordinates() -> None:
    """One function for all of them."""
    generator = torch.Generator().manual_seed(5)
    inputs, maps = [], []
    for constraint, shape in CONSTRAINTS.values():
        for registry in (dist.biject_to, dist.transform_to):
            with contextlib.suppress(NotImplementedError):  # no bijection
                maps.append(registry(constraint))
                inputs.append(torch.randn(shape, generator=generator, dtype=torch.float64))
    count = sum(len(pieces(t, x)) for t, x in zip(maps, inputs, strict=True))
    assert count > 2 * len(CONSTRAINTS)
    check(
        with_gradients(
            lambda *points: [y for x, t in zip(points, maps, strict=True) for y in pieces(t, x)]
        ),
        inputs,
    )
