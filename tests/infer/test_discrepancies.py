"""Objectives that compare draws: maximum mean discrepancy and energy distance.

Statistical comparisons allow 5 standard errors (one false alarm in a million; seeds are fixed).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import SVI, EnergyDistance, Trace_MMD
from pyro.infer.errors import InferenceError
from pyro.optim import Adam

DATA = torch.tensor([0.5, -1.0, 2.0])


def rbf(x: Tensor, y: Tensor | None = None) -> Tensor:
    return (-(x[:, None] - (x if y is None else y)).square().sum(-1) / 2).exp()


def model() -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", 3):
        pyro.sample("x", dist.Normal(z, 1.0), obs=DATA)


def normal_guide(loc: Tensor, log_scale: Tensor) -> None:
    pyro.sample("z", dist.Normal(loc, log_scale.exp()))


def exact_mmd_loss(loc: Tensor, log_scale: Tensor, weight: float) -> Tensor:
    """For Gaussians the expected kernel is a Gaussian density."""
    var = (2 * log_scale).exp()
    own = (1 + 2 * var) ** -0.5
    cross = (2 + var) ** -0.5 * (-(loc**2) / (2 * (2 + var))).exp()
    mmd = own + 3**-0.5 - 2 * cross
    fit = (dist.Normal(loc, 1.0).log_prob(DATA) - var / 2).sum()
    return weight * mmd - fit


def rows(loss: Any, program: Callable[[], Any], guide: Any, leaves: list[Tensor], n: int) -> Tensor:
    """Estimates of the loss and its gradients, one row each."""
    found = []
    for _ in range(n):
        value = loss.differentiable_loss(program, guide)
        grads = torch.autograd.grad(value, leaves, allow_unused=True)
        found.append(torch.stack([value.detach(), *(g for g in grads if g is not None)]))
    return torch.stack(found)


def assert_unbiased(found: Tensor, exact: Tensor, leaves: list[Tensor]) -> None:
    wanted = torch.stack([exact.detach(), *torch.autograd.grad(exact, leaves)])
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - wanted).abs() < 5 * error + 1e-5).all(), (found.mean(0), wanted, error)


@pytest.mark.parametrize(("particles", "vectorized"), [(3, False), (3, True), (100, True)])
def test_mmd_is_unbiased(particles: int, vectorized: bool) -> None:
    leaves = [torch.tensor(0.6, requires_grad=True), torch.tensor(-0.4, requires_grad=True)]
    guide = functools.partial(normal_guide, *leaves)
    pyro.set_rng_seed(0)
    loss = Trace_MMD(rbf, 5.0, particles, vectorize_particles=vectorized)
    found = rows(loss, model, guide, leaves, 400)
    assert_unbiased(found, exact_mmd_loss(*leaves, 5.0), leaves)


def test_mmd_of_the_prior_is_zero_and_sites_have_their_kernels() -> None:
    def program() -> None:
        with pyro.plate("data", 2):
            pyro.sample("a", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        pyro.sample("b", dist.Normal(0.0, 1.0))

    def shifted() -> None:
        with pyro.plate("data", 2):
            pyro.sample("a", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        pyro.sample("b", dist.Normal(3.0, 1.0))

    shapes: list[torch.Size] = []

    def wide(x: Tensor, y: Tensor) -> Tensor:
        shapes.append(x.shape)
        return rbf(x / 3, y / 3)

    pyro.set_rng_seed(0)
    loss = Trace_MMD({"a": wide, "b": rbf}, {"a": 2.0, "b": 0.5}, 1000)
    assert abs(loss.loss(program, program)) < 0.02
    assert shapes[0] == (1000, 6)
    expected = 0.5 * (2 * 3**-0.5 - 2 * 3**-0.5 * math.exp(-1.5))
    assert loss.loss(program, shifted) == pytest.approx(expected, abs=0.05)


def test_mmd_refuses_what_it_cannot_do() -> None:
    def coin() -> None:
        pyro.sample("z", dist.Bernoulli(0.5))

    with pytest.raises(InferenceError, match="at least 2"):
        Trace_MMD(rbf, num_particles=1)
    with pytest.raises(InferenceError, match="kernel must be a function"):
        Trace_MMD(1.0)  # type: ignore[arg-type]
    with pytest.raises(InferenceError, match="'z' of the guide is not reparameterised"):
        Trace_MMD(rbf).loss(coin, coin)
    with pytest.raises(InferenceError, match="no kernel for the site 'z'"):
        Trace_MMD({}).loss(model, model)
    with pytest.raises(InferenceError, match="no number for the site 'z'"):
        Trace_MMD(rbf, {}).loss(model, model)
    with pytest.raises(InferenceError, match=r"must return shape \(10, 10\)"):
        Trace_MMD(lambda x, y: x).loss(model, model)


@pytest.mark.parametrize("objective", [Trace_MMD(rbf), EnergyDistance(1.3, 0.5)], ids=["mmd", "ed"])
def test_the_methods_agree(objective: Any) -> None:
    leaves = [torch.tensor(0.6, requires_grad=True), torch.tensor(-0.4, requires_grad=True)]
    guide = functools.partial(normal_guide, *leaves)
    results = []
    for method in ("loss", "loss_and_grads", "differentiable_loss"):
        pyro.set_rng_seed(7)
        results.append(getattr(objective, method)(model, guide))
    assert results[0] == pytest.approx(results[1], rel=1e-5)
    assert results[0] == pytest.approx(results[2].item(), rel=1e-5)
    direct = torch.autograd.grad(results[2], leaves)
    torch.testing.assert_close([leaf.grad for leaf in leaves], list(direct))


# --- energy distance --------------------------------------------------------------------------


def expected_gap(mean: Tensor, var: Tensor) -> Tensor:
    """The expectation of the absolute value of a normal variable."""
    sd = var.sqrt()
    standard = dist.Normal(0.0, 1.0)
    ratio = mean / sd
    return mean * (2 * standard.cdf(ratio) - 1) + 2 * sd * standard.log_prob(ratio).exp()


@pytest.mark.parametrize("particles", [2, 5])
@pytest.mark.parametrize("prior_scale", [0.0, 0.7])
def test_energy_distance_is_unbiased(particles: int, prior_scale: float) -> None:
    """One observation, so that the distances are absolute values of normal variables."""
    leaves = [torch.tensor(0.6, requires_grad=True), torch.tensor(-0.4, requires_grad=True)]
    loc, log_scale = leaves
    data = torch.tensor(1.5)

    def single() -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 0.5), obs=data)

    var = (2 * log_scale).exp() + 0.25
    exact = expected_gap(loc - data, var) - 0.5 * expected_gap(torch.zeros(()), 2 * var)
    prior = dist.Normal(0.0, 1.0).log_prob(loc) - (2 * log_scale).exp() / 2
    pyro.set_rng_seed(0)
    loss = EnergyDistance(prior_scale=prior_scale, num_particles=particles)
    guide = functools.partial(normal_guide, *leaves)
    assert_unbiased(rows(loss, single, guide, leaves, 1000), exact - prior_scale * prior, leaves)


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.5])
def test_energy_distance_is_its_definition(beta: float) -> None:
    """All observed sites are one vector; masked elements do not count, scales weigh squares."""
    drawn: list[Tensor] = []
    mask = torch.tensor([True, False, True])

    def program() -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        shift = torch.arange(3.0)
        with pyro.plate("data", 3), pyro.poutine.mask(mask=mask), pyro.poutine.scale(scale=2.0):
            x = pyro.sample("x", dist.Normal(z * shift, 1.0), obs=DATA)
        y = pyro.sample("y", dist.Normal(z.unsqueeze(-1) * torch.ones(2), 1.0).to_event(1), obs=Y)
        drawn[:] = [x.reshape(-1, 3), y.reshape(-1, 2)]

    Y = torch.tensor([1.0, -2.0])
    pyro.set_rng_seed(0)
    loss = EnergyDistance(beta, num_particles=4, max_plate_nesting=1)
    value = loss(program, lambda: pyro.sample("z", dist.Normal(0.3, 1.0)))
    weights = torch.tensor([2.0, 0.0, 2.0, 1.0, 1.0]).sqrt()
    points, data = weights * torch.cat(drawn, -1), weights * torch.cat([DATA, Y])
    pairs = [(points[i] - points[j]).norm() ** beta for i in range(4) for j in range(i)]
    wanted = ((points - data).norm(dim=-1) ** beta).mean() - torch.stack(pairs).mean() / 2
    torch.testing.assert_close(value.detach(), wanted)


def test_energy_distance_fits_the_law_of_the_data() -> None:
    """Location and scale of predictions, by the loss alone."""
    pyro.set_rng_seed(0)
    data = 2.0 + 0.5 * torch.randn(200)

    def program(batch: Tensor) -> None:
        loc = pyro.param("loc", torch.tensor(0.0))
        scale = pyro.param("scale", torch.tensor(1.0), constraint=dist.constraints.positive)
        pyro.sample("x", dist.Normal(loc, scale), obs=batch)

    svi = SVI(program, lambda batch: None, Adam({"lr": 0.02}), EnergyDistance(num_particles=64))
    path = []
    for step in range(600):
        svi.step(data[step % 200])
        path.append([pyro.param("loc").item(), pyro.param("scale").item()])
    loc, scale = torch.tensor(path[-400:]).mean(0).tolist()  # averages out the noise of steps
    assert loc == pytest.approx(data.mean().item(), abs=0.1)
    assert scale == pytest.approx(data.std().item(), abs=0.1)


def test_energy_distance_has_finite_gradients_at_equal_predictions() -> None:
    loc = torch.tensor(0.5, requires_grad=True)

    def fixed() -> None:
        pyro.sample("x", dist.Delta(loc), obs=torch.tensor(0.5))

    EnergyDistance().loss_and_grads(fixed, lambda: None)
    assert loc.grad is not None and loc.grad.isfinite()


def test_energy_distance_refuses_what_it_cannot_do() -> None:
    for beta in (0.0, 2.0, math.nan):
        with pytest.raises(InferenceError, match="beta must be between 0 and 2"):
            EnergyDistance(beta)
    with pytest.raises(InferenceError, match="prior_scale must not be negative"):
        EnergyDistance(prior_scale=-1.0)
    with pytest.raises(InferenceError, match="num_particles must be at least 2"):
        EnergyDistance(num_particles=1)
    with pytest.raises(InferenceError, match="observes nothing"):
        EnergyDistance()(lambda: None, lambda: None)

    def counts() -> None:
        z = pyro.sample("z", dist.Gamma(1.0, 1.0))
        pyro.sample("x", dist.Poisson(z), obs=torch.tensor(1.0))

    with pytest.raises(InferenceError, match="'x' that is observed is not reparameterised"):
        EnergyDistance()(counts, lambda: pyro.sample("z", dist.Gamma(1.0, 1.0)))
