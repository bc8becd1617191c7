"""Optimisers that differentiate the loss themselves."""

from __future__ import annotations

import pytest
import torch

from pyro import optim
from pyro.errors import SiteError
from pyro.optim.multi import MixedMultiOptimizer, Newton, PyroMultiOptimizer, TorchMultiOptimizer


def make() -> dict[str, torch.Tensor]:
    return {
        "x": torch.randn(4, 2, dtype=torch.double).requires_grad_(),
        "y": torch.randn((), dtype=torch.double).requires_grad_(),
    }


def quadratic(params) -> torch.Tensor:
    matrix = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.double)
    x = params["x"] - 1.0
    return 0.5 * (x @ matrix * x).sum() + 3.0 * (params["y"] + 2.0) ** 2


def test_newton_solves_a_quadratic_in_one_step():
    params = make()
    Newton().step(quadratic(params), params)
    assert torch.allclose(params["x"], torch.tensor(1.0, dtype=torch.double))
    assert params["y"].item() == pytest.approx(-2.0)


def test_newton_stays_within_the_trust_radius():
    params = make()
    before = params["x"].detach().clone()
    updated = Newton({"x": 0.1}).get_step(quadratic(params), params)
    assert torch.equal(params["x"], before)
    assert (updated["x"] - before).norm(dim=-1).max() <= 0.1 + 1e-9


def test_newton_descends_from_a_hill():
    params = {"x": torch.tensor([0.5], dtype=torch.double).requires_grad_()}
    Newton({"x": 0.2}).step(params["x"].cos().sum(), params)
    assert params["x"].item() == pytest.approx(0.7)


@pytest.mark.parametrize(
    "make_optimizer",
    [
        lambda: PyroMultiOptimizer(optim.Adam({"lr": 0.1})),
        lambda: TorchMultiOptimizer(torch.optim.Adam, {"lr": 0.1}),
        lambda: MixedMultiOptimizer([(["x"], optim.Adam({"lr": 0.1})), (["y"], Newton())]),
    ],
)
def test_descends(make_optimizer):
    params, optimizer = make(), make_optimizer()
    for _ in range(200):
        optimizer.step(quadratic(params), params)
    assert quadratic(params).item() < 1e-3


def test_mixed_needs_one_optimizer_per_parameter():
    with pytest.raises(SiteError, match="more than one"):
        MixedMultiOptimizer([(["x"], Newton()), (["x"], Newton())])
    with pytest.raises(SiteError, match="y"):
        params = make()
        MixedMultiOptimizer([(["x"], Newton())]).step(quadratic(params), params)
