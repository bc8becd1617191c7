"""The density of a model in unconstrained coordinates against formulas and differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import biject_to

import pyro
import pyro.distributions as dist
from pyro.errors import ShapeError, SiteError
from pyro.infer.errors import SubsampleError
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.latents import LatentLayout
from pyro.infer.model.logdensity import LogDensity
from pyro.infer.model.supports import moving_supports


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


DATA = torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64)


def hierarchical() -> None:
    loc = pyro.sample("loc", dist.Normal(torch.zeros((), dtype=torch.float64), 5.0))
    scale = pyro.sample("scale", dist.HalfCauchy(torch.ones((), dtype=torch.float64)))
    with pyro.plate("schools", 3):
        theta = pyro.sample("theta", dist.Normal(loc, scale))
        pyro.sample("y", dist.Normal(theta, 1.0), obs=DATA)


def hierarchical_by_hand(x: Tensor) -> Tensor:
    loc, log_scale, theta = x[0], x[1], x[2:]
    scale = log_scale.exp()
    return (
        dist.Normal(0.0, 5.0).log_prob(loc)
        + dist.HalfCauchy(1.0).log_prob(scale)
        + log_scale
        + dist.Normal(loc, scale).log_prob(theta).sum()
        + dist.Normal(theta, 1.0).log_prob(DATA).sum()
    )


def simplex() -> None:
    p = pyro.sample("p", dist.Dirichlet(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)))
    pyro.factor("seen", 4 * p[0].log())


def simplex_by_hand(x: Tensor) -> Tensor:
    transform = biject_to(dist.constraints.simplex)
    p = transform(x)
    prior = dist.Dirichlet(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    return prior.log_prob(p) + transform.log_abs_det_jacobian(x, p) + 4 * p[0].log()


def moving() -> None:
    one = torch.ones((), dtype=torch.float64)
    alpha = pyro.sample("alpha", dist.Uniform(0 * one, one))
    pyro.sample("beta", dist.Uniform(0 * one, 1.0 - alpha))


def moving_by_hand(x: Tensor) -> Tensor:
    alpha, beta = x.sigmoid()
    return (alpha * (1 - alpha)).log() + (beta * (1 - beta)).log()  # uniform on the triangle


def mixture() -> None:
    locs = pyro.sample("locs", dist.Normal(torch.zeros(2, dtype=torch.float64), 3.0).to_event(1))
    with pyro.plate("data", 3):
        z = pyro.sample("z", dist.Bernoulli(torch.tensor(0.3, dtype=torch.float64)))
        pyro.sample("y", dist.Normal(locs[z.long()], 1.0), obs=DATA)


def mixture_by_hand(x: Tensor) -> Tensor:
    each = dist.Normal(x[:, None], 1.0).log_prob(DATA)
    weights = torch.tensor([0.7, 0.3], dtype=torch.float64).log()[:, None]
    return dist.Normal(0.0, 3.0).log_prob(x).sum() + (each + weights).logsumexp(0).sum()


def masked_and_scaled() -> None:
    with pyro.poutine.scale(scale=2.0), pyro.poutine.mask(mask=torch.tensor([True, False])):
        pyro.sample("x", dist.Exponential(torch.ones(2, dtype=torch.float64)))


def masked_and_scaled_by_hand(x: Tensor) -> Tensor:
    return 2 * -x[0].exp() + x.sum()


CASES: dict[str, tuple[Callable[[], None], Callable[[Tensor], Tensor]]] = {
    "hierarchical": (hierarchical, hierarchical_by_hand),
    "simplex": (simplex, simplex_by_hand),
    "moving support": (moving, moving_by_hand),
    "mixture": (mixture, mixture_by_hand),
    "masked and scaled": (masked_and_scaled, masked_and_scaled_by_hand),
}


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient(case: str) -> None:
    model, by_hand = CASES[case]
    density = ModelDensity(model)
    assert isinstance(density, LogDensity)
    x = torch.randn(4, density.dim, dtype=torch.float64)
    value, grad = density.value_and_grad(x)
    for row, v, g in zip(x, value, grad, strict=True):
        leaf = row.clone().requires_grad_()
        expected = by_hand(leaf)
        torch.testing.assert_close(v, expected.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(
            g, torch.autograd.grad(expected, leaf)[0], rtol=1e-11, atol=1e-11
        )
    torch.testing.assert_close(density.value(x), value)
    torch.testing.assert_close(density.value(x[0]), value[0])


@pytest.mark.parametrize("case", CASES)
def test_points_go_there_and_back(case: str) -> None:
    density = ModelDensity(CASES[case][0])
    x = torch.randn(5, density.dim, dtype=torch.float64)
    values = density.constrain(x)
    for i, row in enumerate(x):
        back = density.unconstrain({name: value[i] for name, value in values.items()})
        torch.testing.assert_close(back, row)


def test_moving_supports_are_found() -> None:
    assert moving_supports(moving) == {"beta"}
    assert not moving_supports(hierarchical)
    values = ModelDensity(moving).constrain(torch.randn(100, 2, dtype=torch.float64))
    assert bool((values["alpha"] + values["beta"] < 1).all())


def test_deterministic_sites() -> None:
    def model() -> None:
        x = pyro.sample("x", dist.Normal(torch.zeros(2), 1.0).to_event(1))
        pyro.deterministic("twice", 2 * x)

    x = torch.randn(3, 4, 2)
    torch.testing.assert_close(ModelDensity(model).deterministic(x)["twice"], 2 * x)


def test_subsampling_is_refused() -> None:
    def model() -> None:
        with pyro.plate("data", 10, subsample_size=2):
            pyro.sample("x", dist.Normal(0.0, 1.0))

    with pytest.raises(SubsampleError, match=r"plate\('data'\) draws 2 of 10"):
        ModelDensity(model)
    with pytest.raises(NotImplementedError):
        ModelDensity(model)


def test_a_discrete_site_without_finite_support_is_refused() -> None:
    def model() -> None:
        pyro.sample("n", dist.Poisson(3.0))

    with pytest.raises(SiteError, match="'n'"):
        ModelDensity(model)


def test_a_model_without_latents() -> None:
    def model() -> None:
        pyro.sample("x", dist.Normal(0.0, 1.0), obs=torch.tensor(0.0))

    density = ModelDensity(model)
    value, grad = density.value_and_grad(torch.zeros(0))
    assert density.dim == 0
    assert grad.shape == (0,)
    torch.testing.assert_close(value, dist.Normal(0.0, 1.0).log_prob(torch.tensor(0.0)))


def test_looking_changes_nothing() -> None:
    before = torch.get_rng_state()
    ModelDensity(hierarchical)
    assert torch.equal(before, torch.get_rng_state())
    assert not len(pyro.get_param_store())


def test_layout_has_a_place_for_each_site() -> None:
    layout = ModelDensity(hierarchical).layout
    assert layout.names == ("loc", "scale", "theta")
    assert [(site.start, site.stop) for site in layout] == [(0, 1), (1, 2), (2, 5)]
    assert [frame.name for frame in layout["theta"].frames] == ["schools"]
    x = torch.randn(2, 7, 5)
    torch.testing.assert_close(layout.flatten(layout.unflatten(x)), x)


def test_a_missing_value_is_named() -> None:
    layout: LatentLayout = ModelDensity(hierarchical).layout
    values: dict[str, Any] = layout.unflatten(torch.zeros(5))
    del values["scale"]
    with pytest.raises(ShapeError, match="'scale' is missing"):
        layout.flatten(values)
