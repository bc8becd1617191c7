"""Normal posteriors are recovered exactly by the families that contain them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

import pyro
import pyro.distributions as dist
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import (
    AutoDiagonalNormal,
    AutoGaussian,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
)
from pyro.infer.errors import InferenceError
from pyro.infer.inspect import get_dependencies
from pyro.optim import ClippedAdam
from tests.laws.guide_cases import linear_regression, regression_data, regression_posterior


def levels(y: Tensor) -> None:
    """Two levels of a hierarchy and a chain of three, one datum for each element."""
    top = pyro.sample("top", dist.Normal(0.0, 2.0))
    with pyro.plate("group", 2, dim=-2):
        middle = pyro.sample("middle", dist.Normal(top, 1.0))
        with pyro.plate("item", 3, dim=-1):
            leaf = pyro.sample("leaf", dist.Normal(middle, 0.5))
            pyro.sample("y", dist.Normal(leaf, 0.3), obs=y)
    last = top
    for t in range(3):
        last = pyro.sample(f"x_{t}", dist.Normal(0.9 * last, 0.4).expand([1, 1]).to_event(2))
        last = last.reshape(last.shape[:-2] if last.dim() > 2 else ())


def pairwise(y: Tensor) -> None:
    """Two causes of each datum, in crossed plates."""
    rows, columns = pyro.plate("row", 2, dim=-2), pyro.plate("column", 3, dim=-1)
    with rows:
        row = pyro.sample("row_effect", dist.Normal(0.0, 1.0))
    with columns:
        column = pyro.sample("column_effect", dist.Normal(0.0, 1.0))
    with rows, columns:
        pyro.sample("y", dist.Normal(row + column, 0.5), obs=y)


def joint_precision(model: Callable[..., Any], args: Any) -> Tensor:
    """Minus the Hessian of the log density, which is constant for a normal posterior."""
    mode = AutoLaplaceApproximation(model).double()
    torch.set_default_dtype(torch.float64)
    try:
        normal = mode.laplace_approximation(*args)
    finally:
        torch.set_default_dtype(torch.float32)
    precision: Tensor = normal.get_posterior().precision_matrix.detach()
    return precision


CASES = {
    "regression": (linear_regression, regression_data()),
    "levels": (levels, (torch.arange(6.0).reshape(2, 3),)),
    "pairwise": (pairwise, (torch.arange(6.0).reshape(2, 3),)),
}
FAMILIES = {
    "AutoMultivariateNormal": AutoMultivariateNormal,
    "AutoGaussian": AutoGaussian,
    "AutoLowRankMultivariateNormal": lambda model: AutoLowRankMultivariateNormal(model, rank=9),
}


def least_divergence(guide: Any, exact: Any) -> float:
    """The Kullback-Leibler divergence of the family from a normal law, minimised."""
    optim = torch.optim.LBFGS(
        guide.parameters(), max_iter=400, history_size=40, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optim.zero_grad()
        value = kl_divergence(guide.get_posterior(), exact)
        value.backward()
        return value

    optim.step(loss)
    return loss().item()


def exact_posterior(model: Callable[..., Any], args: Any) -> Any:
    """The posterior, moved to zero."""
    precision = joint_precision(model, args)
    return dist.MultivariateNormal(torch.zeros(len(precision)).double(), None, precision)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES)
def test_the_family_contains_the_posterior(family: str, case: str) -> None:
    model, args = CASES[case]
    args = tuple(t.double() for t in args)
    guide = FAMILIES[family](model).double().setup(*args)
    exact = exact_posterior(model, args)
    assert least_divergence(guide, exact) < 1e-6
    found = guide.get_posterior().covariance_matrix.detach()
    torch.testing.assert_close(found, exact.covariance_matrix, rtol=0.01, atol=1e-4)


def test_independent_normals_do_not_contain_it() -> None:
    """The law above can fail."""
    args = tuple(t.double() for t in regression_data())
    guide = AutoDiagonalNormal(linear_regression).double().setup(*args)
    assert least_divergence(guide, exact_posterior(linear_regression, args)) > 0.1


@pytest.mark.parametrize("case", CASES)
def test_sparsity_is_that_of_the_posterior(case: str) -> None:
    model, args = CASES[case]
    guide = AutoGaussian(model).double().setup(*args)
    with torch.no_grad():
        for parameter in guide.factors.parameters():
            parameter.add_(torch.rand_like(parameter))
    precision = joint_precision(model, tuple(t.double() for t in args))
    assert torch.equal(guide.precision().detach().abs() > 1e-9, guide.sparsity())
    assert torch.equal(precision.abs() > 1e-6, guide.sparsity())
    inverse = torch.linalg.inv(guide.get_posterior().covariance_matrix.detach())
    assert torch.equal(inverse.abs() > 1e-6 * inverse.abs().max(), guide.sparsity())


def test_sparsity_is_that_of_the_graph() -> None:
    """Block by block, for sites without plates."""

    def model() -> None:
        a = pyro.sample("a", dist.Normal(0.0, 1.0))
        b = pyro.sample("b", dist.Normal(a, 1.0))
        c = pyro.sample("c", dist.Normal(a, 1.0))
        d = pyro.sample("d", dist.Normal(b, 1.0))
        pyro.sample("e", dist.Normal(c + d, 1.0), obs=torch.tensor(0.0))

    graph = get_dependencies(model)["posterior_dependencies"]
    names = list("abcd")
    joined = [[y in graph[x] or x in graph[y] for y in names] for x in names]
    assert AutoGaussian(model).setup().sparsity().tolist() == joined
    assert not joined[0][3]


def test_parameters_grow_with_the_plate() -> None:
    def model(size: int) -> None:
        mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        with pyro.plate("data", size):
            z = pyro.sample("z", dist.Normal(mu, 1.0))
            pyro.sample("y", dist.Normal(z, 1.0), obs=torch.zeros(size))

    def count(size: int) -> int:
        return sum(p.numel() for p in AutoGaussian(model).setup(size).parameters())

    assert count(40) - count(20) == count(60) - count(40)


def test_laplace_is_exact() -> None:
    args = tuple(t.double() for t in regression_data())
    guide = AutoLaplaceApproximation(linear_regression).double().setup(*args)
    mean, covariance = regression_posterior()
    optim = torch.optim.LBFGS(guide.parameters(), line_search_fn="strong_wolfe")
    elbo = Trace_ELBO()(linear_regression, guide)

    def loss() -> Tensor:
        optim.zero_grad()
        value = elbo(*args)
        value.backward()
        return value

    for _ in range(5):
        optim.step(loss)
    posterior = guide.laplace_approximation(*args).get_posterior()
    torch.testing.assert_close(posterior.mean.detach(), mean, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(posterior.covariance_matrix.detach(), covariance, rtol=1e-8, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_laplace_finds_the_mode_at_once(dtype: torch.dtype) -> None:
    args = tuple(t.to(dtype) for t in regression_data())
    guide = AutoLaplaceApproximation(linear_regression).to(dtype)
    assert guide.find_mode(*args) is guide
    posterior = guide.laplace_approximation(*args).get_posterior()
    mean, covariance = (t.to(dtype) for t in regression_posterior())
    error = (posterior.mean.detach() - mean) / covariance.diagonal().sqrt()
    assert error.abs().max() < (1e-3 if dtype is torch.float64 else 0.01)
    torch.testing.assert_close(
        posterior.covariance_matrix.detach(), covariance, rtol=1e-4, atol=1e-6
    )


def test_a_mode_from_where_the_store_says() -> None:
    first = AutoLaplaceApproximation(linear_regression).find_mode(*regression_data())
    with pytest.warns(UserWarning, match="They share the value"):
        second = AutoLaplaceApproximation(linear_regression).find_mode(*regression_data())
    torch.testing.assert_close(second.loc, first.loc, rtol=1e-3, atol=1e-3)


def test_a_mode_that_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    improper = dist.ImproperUniform(dist.constraints.real, (), ())
    slope = AutoLaplaceApproximation(lambda: pyro.factor("f", pyro.sample("x", improper)))
    with pytest.raises(InferenceError, match="no isolated mode"):
        slope.find_mode().laplace_approximation()
    pyro.clear_param_store()
    monkeypatch.setattr("pyro.infer.autoguide.auto_laplace_approximation._ITERATIONS", 1)
    with pytest.warns(UserWarning, match="still grew after 1 iterations"):
        AutoLaplaceApproximation(linear_regression).find_mode(*regression_data())
    pyro.clear_param_store()
    nowhere = AutoLaplaceApproximation(
        lambda: pyro.factor("f", -torch.inf * pyro.sample("x", dist.Normal(1.0, 1.0)).exp())
    )
    with pytest.raises(InferenceError, match=r"at the location .* density is -inf.* init_loc_fn"):
        nowhere.find_mode()


def test_laplace_refuses_what_is_no_mode() -> None:
    guide = AutoLaplaceApproximation(lambda: pyro.sample("x", dist.Cauchy(0.0, 0.01)))
    guide.setup().loc.data.fill_(3.0)
    with pytest.raises(ValueError, match=r"least eigenvalue is -.*no isolated mode"):
        guide.laplace_approximation()


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_svi_comes_to_the_exact_posterior(family: str) -> None:
    """Means within 0.15 standard deviations, and those within 15 %; twice what was seen."""
    pyro.set_rng_seed(0)
    x, y = regression_data()
    guide = FAMILIES[family](linear_regression)
    optim = ClippedAdam({"lr": 0.02, "lrd": 0.001 ** (1 / 3000)})
    svi = SVI(
        linear_regression, guide, optim, Trace_ELBO(num_particles=8, vectorize_particles=True)
    )
    for _ in range(3000):
        svi.step(x, y)
    mean, covariance = regression_posterior()
    posterior = guide.get_posterior()
    scale = covariance.diagonal().sqrt().float()
    assert bool(((posterior.mean.detach() - mean.float()) / scale).abs().max() < 0.15)
    assert bool((posterior.covariance_matrix.diagonal().sqrt() / scale - 1).abs().max() < 0.15)
    correlations = posterior.covariance_matrix / (scale[:, None] * scale)
    expected = covariance.float() / (scale[:, None] * scale)
    torch.testing.assert_close(correlations.detach(), expected, rtol=0, atol=0.3)
