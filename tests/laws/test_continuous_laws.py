"""Laws of univariate continuous families: tails, and gradients in the plain parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy.integrate import quad

from pyro.distributions.tails import log_tails
from tests.laws.cases_continuous import CONTINUOUS
from tests.laws.distribution_case import Case

SMOOTH = [
    c
    for c in CONTINUOUS
    if not c.build().support.is_discrete
    and not c.build().event_shape
    and not c.id.startswith("censored")
]
cases = pytest.mark.parametrize("case", SMOOTH, ids=[case.id for case in SMOOTH])


def can_score(case: Case) -> None:
    try:
        d = case.build()
        d.log_prob(d.sample())
    except NotImplementedError:
        pytest.skip("no density")


def density(d: Any) -> Any:
    return lambda x: d.log_prob(torch.tensor(x, dtype=torch.float64)).exp().item()


@cases
def test_cdf_is_the_integral_of_the_density(case: Case) -> None:
    can_score(case)
    d = case.build()
    torch.manual_seed(0)
    a, b = d.sample((8,)).sort().values[[1, 6]]
    try:
        low, high = d.cdf(a), d.cdf(b)
    except NotImplementedError:
        pytest.skip("no cdf")
    assert (high - low).item() == pytest.approx(quad(density(d), a, b)[0], rel=1e-6)
    x = d.sample((20,))
    torch.testing.assert_close(log_tails(d, x)[0].exp(), d.cdf(x), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(log_tails(d, x)[1].exp(), 1 - d.cdf(x), rtol=1e-7, atol=1e-9)
    try:
        back = d.icdf(d.cdf(x))
    except NotImplementedError:
        return
    torch.testing.assert_close(back, x, rtol=1e-6, atol=1e-8)


@cases
def test_gradients_are_finite_differences(case: Case) -> None:
    """In every parameter and in the value."""
    can_score(case)
    kwargs = {k: v for k, v in case.kwargs().items() if isinstance(v, torch.Tensor)}
    static = {k: v for k, v in case.kwargs().items() if k not in kwargs}
    torch.manual_seed(0)
    x = case.build().sample((5,))

    def log_prob(value: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        d = case.family(**dict(zip(kwargs, parameters, strict=True)), **static)
        return d.log_prob(value)

    point = [x, *kwargs.values()]
    leaves = [v.clone().requires_grad_() for v in point]
    exact = torch.autograd.grad(log_prob(*leaves).sum(), leaves, materialize_grads=True)
    for i, gradient in enumerate(exact):
        moved = [[*point[:i], point[i] + step, *point[i + 1 :]] for step in (1e-5, -1e-5)]
        if case.id.startswith("truncated") and i == 0:
            continue
        up, down = (log_prob(*p) for p in moved)
        expected = (up - down) / 2e-5
        expected = expected if gradient.dim() else expected.sum()
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)
