"""Laws of the families over vectors and matrices beyond those of every distribution.

Sampled averages lie within 5 standard errors of exact ones: a correct family fails one such
comparison with probability 6e-7, and the seeds are fixed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.laws.cases_multivariate import MULTIVARIATE
from tests.laws.distribution_case import Case

N = 4000
PLANE = [case for case in MULTIVARIATE if case.build().event_shape == (2,)]
cases = pytest.mark.parametrize("case", MULTIVARIATE, ids=[case.id for case in MULTIVARIATE])
planes = pytest.mark.parametrize("case", PLANE, ids=[case.id for case in PLANE])


def grid() -> tuple[Tensor, Tensor]:
    """Points all over the plane, denser in the middle, and the areas of their cells."""
    t = torch.linspace(-6.0, 6.0, 601, dtype=torch.float64)
    line, length = t.sinh(), t.cosh() * (t[1] - t[0])
    points = torch.cartesian_prod(line, line)
    return points, torch.cartesian_prod(length, length).prod(-1)


def wave(x: Tensor) -> Tensor:
    return (x @ torch.tensor([0.7, -0.4], dtype=x.dtype) + 0.3).cos()


@planes
def test_density_integrates_to_one(case: Case) -> None:
    points, areas = grid()
    assert ((case.build().log_prob(points).exp() * areas).sum() - 1).abs() < 1e-6


@planes
@pytest.mark.parametrize("phase", [0.0, 1.5], ids=str)
def test_characteristic_function_of_draws(case: Case, phase: float) -> None:
    points, areas = grid()
    torch.manual_seed(4)
    d = case.build()
    x, weights = d.sample((N,)), d.log_prob(points).exp() * areas
    for direction in ([1.0, 0.0], [0.0, 0.8], [0.5, -0.7], [1.0, 1.0]):
        a = torch.tensor(direction, dtype=torch.float64)
        values = (x @ a + phase).cos()
        exact = ((points @ a + phase).cos() * weights).sum()
        assert (values.mean() - exact).abs() <= 5 * values.std() / N**0.5


def pathwise(case: Case, f: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """Samples of the gradient of E[f(x)] by differentiable draws, one in each row."""
    torch.manual_seed(7)
    leaves = {
        name: value.detach().expand((N, *value.shape)).clone().requires_grad_()
        for name, value in leaves_of(case.kwargs()).items()
    }
    d = case.family(**{**case.kwargs(), **leaves}, validate_args=False)
    found = torch.autograd.grad(f(d.rsample()).sum(), list(leaves.values()))
    return dict(zip(leaves, found, strict=True))


def leaves_of(kwargs: dict[str, Any]) -> dict[str, Tensor]:
    return {
        name: value.clone().requires_grad_()
        for name, value in kwargs.items()
        if isinstance(value, Tensor) and name != "control_var"
    }


def check(estimates: dict[str, Tensor], exact: dict[str, Tensor]) -> None:
    for name, truth in exact.items():
        truth = truth.tril() if name.startswith("scale_tril") else truth
        found = estimates[name].tril() if name.startswith("scale_tril") else estimates[name]
        error = (found.mean(0) - truth).abs()
        assert (error <= 5 * found.std(0) / N**0.5 + 1e-9).all(), name
        assert found.abs().sum() > 0 or truth.abs().sum() == 0, name


@cases
def test_gradient_of_mean_square(case: Case) -> None:
    if not inspect.isclass(case.family) or not case.build().has_rsample:
        pytest.skip("a composite, or without differentiable draws")
    leaves = leaves_of(case.kwargs())
    d = case.family(**{**case.kwargs(), **leaves})
    if not torch.isfinite(d.variance).all():
        pytest.skip("no finite variance")
    weight = torch.linspace(0.5, 1.5, d.event_shape.numel(), dtype=torch.float64)
    weight = weight.reshape(d.event_shape)
    mean_square = ((d.variance + d.mean.square()) * weight).sum()
    exact = torch.autograd.grad(mean_square, list(leaves.values()))
    check(pathwise(case, lambda x: x.square() * weight), dict(zip(leaves, exact, strict=True)))


@planes
def test_gradient_of_mean_wave(case: Case) -> None:
    points, areas = grid()
    leaves = leaves_of(case.kwargs())
    d = case.family(**{**case.kwargs(), **leaves}, validate_args=False)
    mean = (d.log_prob(points).exp() * areas * wave(points)).sum()
    exact = torch.autograd.grad(mean, list(leaves.values()))
    check(pathwise(case, wave), dict(zip(leaves, exact, strict=True)))


@cases
def test_single_precision_agrees(case: Case) -> None:
    if case.id == "lkj-corr-cholesky":
        pytest.skip("torch's check of its support refuses rounded values")
    d, single = case.build((3,)), case.build((3,), torch.float32)
    torch.manual_seed(1)
    x = d.sample((100,)).float()
    exact = d.log_prob(x.double())
    error = (single.log_prob(x) - exact).abs()
    assert (error <= 1e-4 * (1 + exact.abs())).all()


@cases
def test_gradcheck(case: Case) -> None:
    if not inspect.isclass(case.family):
        pytest.skip("a composite")
    leaves = leaves_of(case.kwargs((2,)))
    d = case.build((2,))
    torch.manual_seed(2)
    x = d.sample((3,))
    given = case.kwargs((2,))

    def score(*values: Tensor) -> Tensor:
        parameters = dict(zip(leaves, values, strict=True))
        for name in {"covariance_matrix", "precision_matrix"} & set(parameters):
            parameters[name] = (parameters[name] + parameters[name].mT) / 2
        parameters = {**given, **parameters}
        return case.family(**parameters, validate_args=False).log_prob(x)  # type: ignore[no-any-return]

    assert torch.autograd.gradcheck(score, tuple(leaves.values()))
