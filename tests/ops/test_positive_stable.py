"""Positive stable variables have their Laplace transform."""

from __future__ import annotations

import math

import pytest
import torch

from pyro.ops.positive_stable import positive_stable


@pytest.mark.parametrize("index", [0.2, 0.5, 0.8, 0.99, 1.0])
def test_laplace_transform(index: float) -> None:
    # means of 100 000 numbers in (0, 1), 15 in all, within 4.5 standard errors
    n = 100_000
    generator = torch.Generator().manual_seed(0)
    v = (torch.rand(n, generator=generator) - 0.5) * math.pi
    w = -torch.rand(n, generator=generator).clamp(min=1e-7).log()
    draws = positive_stable(torch.tensor(index), v, w)
    assert (draws > 0).all() and torch.isfinite(draws).all()
    for rate in (0.1, 1.0, 5.0):
        terms = (-rate * draws).exp()
        error = max(float(terms.std()) / math.sqrt(n), 1e-6)
        assert abs(terms.mean() - math.exp(-(rate**index))) < 4.5 * error


def test_ends_of_the_intervals_are_finite() -> None:
    ends = torch.tensor([-math.pi / 2, 0.0, math.pi / 2])
    for index in (0.3, 0.999, 1.0):
        a = torch.tensor(index, requires_grad=True)
        value = positive_stable(a, ends, torch.tensor([[0.0], [1e30]]))
        assert torch.isfinite(value).all()
        assert torch.isfinite(torch.autograd.grad(value.log().sum(), a)[0])
