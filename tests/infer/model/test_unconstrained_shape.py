"""Shapes of unconstrained coordinates, found without torch's symbolic shapes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import pyro.distributions as dist
from pyro.distributions import constraints
from pyro.infer.model.unconstrained_shape import unconstrained_shape

SUPPORTS = [
    (constraints.real, (2, 3)),
    (constraints.positive, (2, 3)),
    (constraints.interval(-1.0, 2.0), (2, 3)),
    (constraints.independent(constraints.greater_than(1.0), 1), (2, 3)),
    (constraints.simplex, (2, 3)),
    (constraints.corr_cholesky, (2, 3, 3)),
    (constraints.stack([constraints.positive, constraints.real], -1), (4, 2)),
]


@pytest.mark.parametrize(("support", "shape"), SUPPORTS, ids=str)
def test_it_is_the_shape_that_torch_finds(
    support: constraints.Constraint, shape: tuple[int, ...]
) -> None:
    transform = dist.biject_to(support)
    expected = transform.inverse_shape(torch.Size(shape))
    assert unconstrained_shape(transform, torch.Size(shape)) == expected


PROGRAM = """
import sys
import torch, pyro, pyro.distributions as dist
from pyro.infer import compile_density
def model(y):
    scale = pyro.sample("scale", dist.HalfCauchy(5.0))
    share = pyro.sample("share", dist.Beta(torch.ones(3), 2.0).to_event(1))
    pyro.sample("y", dist.Normal(share, scale).to_event(1), obs=y)
compile_density(model, torch.zeros(3))
print([name for name in ("sympy", "torch._dynamo") if name in sys.modules])
"""


def test_a_model_is_compiled_without_slow_imports() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.strip() == "[]"
