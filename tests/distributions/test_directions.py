"""Laws of the families over unit vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special as ss
import scipy.stats as sp
import torch
from torch import Tensor

import pyro.distributions as dist
from pyro.errors import ShapeError
from pyro.ops.fisher_density import log_fisher_density, mean_ratio
from pyro.ops.quadrature import gauss_legendre
from pyro.ops.radial_moment import log_radial_moment

LENGTHS = [0.0, 1e-6, 0.5, 3.0, 20.0]


def axis(n: int, length: float) -> Tensor:
    """A vector of this length that lies in no coordinate plane."""
    direction = torch.arange(1.0, n + 1, dtype=torch.float64)
    return length * direction / direction.norm()


def around(mu: Tensor, count: int = 400) -> tuple[Tensor, Tensor, Tensor]:
    """Directions at angles from the location, and weights of area, for laws symmetric about it."""
    n = len(mu)
    location = axis(n, 1.0)
    other = torch.linalg.qr(torch.stack([location, torch.ones_like(mu)], -1)).Q[:, 1]
    nodes, weights = gauss_legendre(count, mu)
    angle = (nodes + 1) * math.pi / 2
    x = angle.cos()[:, None] * location + angle.sin()[:, None] * other
    log_area = math.log(2) + (n - 1) / 2 * math.log(math.pi) - math.lgamma((n - 1) / 2)
    return x, (n - 2) * angle.sin().log() + weights.log() + math.log(math.pi / 2) + log_area, angle


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 9, 60])
def test_projected_normal_normalises(n: int, length: float) -> None:
    mu = axis(n, length)
    x, log_weights, _ = around(mu)
    total = (dist.ProjectedNormal(mu).log_prob(x) + log_weights).exp().sum()
    assert total.item() == pytest.approx(1.0, abs=1e-10)


@pytest.mark.parametrize("length", LENGTHS)
def test_von_mises_3d_normalises_and_has_its_mean(length: float) -> None:
    d = dist.VonMises3D(axis(3, length))
    x, log_weights, angle = around(d.concentration)
    mass = (d.log_prob(x) + log_weights).exp()
    assert mass.sum().item() == pytest.approx(1.0, abs=1e-11)
    along = (mass * angle.cos()).sum()
    torch.testing.assert_close(d.mean, along * axis(3, 1.0), rtol=1e-9, atol=1e-12)


def test_one_dimension_has_the_two_signs() -> None:
    d = dist.ProjectedNormal(torch.tensor([[0.7], [-40.0]], dtype=torch.float64))
    both = torch.tensor([[[1.0]], [[-1.0]]], dtype=torch.float64)
    np.testing.assert_allclose(d.log_prob(both)[:, 0], sp.norm.logcdf([0.7, -0.7]))
    np.testing.assert_allclose(d.log_prob(both)[0, 1], sp.norm.logcdf(-40.0))


@pytest.mark.parametrize("order", [1, 2, 3, 4, 12, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_radial_moment(order: int, dtype: torch.dtype) -> None:
    """Against Kummer's functions where they keep their digits, and by its recursion elsewhere."""
    t = torch.tensor([-2.5, -1.9, -0.3, 0.0, 1.0, 4.0], dtype=dtype)
    at = t.double().numpy()
    half = (order + 1) / 2
    even = ss.gamma(half) * ss.hyp1f1(half, 0.5, at**2 / 2) if order < 100 else None
    if even is not None:
        odd = math.sqrt(2) * at * ss.gamma(half + 0.5) * ss.hyp1f1(half + 0.5, 1.5, at**2 / 2)
        exact = (half - 1) * math.log(2) + np.log(even + odd) - at**2 / 2
        tol = 4e-6 if dtype is torch.float32 else 2e-9
        np.testing.assert_allclose(log_radial_moment(order, t), exact, rtol=tol, atol=tol)
    far = torch.tensor([-1e6, -300.0, -40.0, -7.0, -2.01, 6.0, 50.0, 1e6], dtype=dtype)
    low, mid, high = (log_radial_moment(order + k, far) for k in (-1, 0, 1))
    parts = (high - mid).exp().double() - order * (low - mid).exp().double()
    known = far.abs() < 100 if dtype is torch.float64 else far.abs() < 10
    scale = (high - mid).exp().double() + order * (low - mid).exp().double()
    assert ((parts - far).abs() / scale)[known].max() < (1e-4 if dtype is torch.float32 else 1e-9)
    assert mid.isfinite().all()


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("order", [1, 2, 3, 4, 12])
def test_radial_moment_gradients(order: int) -> None:
    t = torch.tensor([-30.0, -3.0, -1.9, 0.0, 0.4, 5.0], dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(
        lambda t: log_radial_moment(order, t),
        t,
        check_batched_grad=True,
        check_forward_ad=order < 4,
    )
    torch.autograd.gradgradcheck(lambda t: log_radial_moment(order, t), t)
    whole = torch.func.vmap(lambda x: log_radial_moment(order, x))(t)
    torch.testing.assert_close(whole, log_radial_moment(order, t))


def test_von_mises_3d_is_scipys() -> None:
    torch.manual_seed(1)
    x = dist.VonMises3D(torch.zeros(3, dtype=torch.float64)).sample((50,))
    for kappa in (1e-3, 1.0, 300.0, 1e6):
        frozen = sp.vonmises_fisher(axis(3, 1.0).numpy(), kappa)
        actual = dist.VonMises3D(axis(3, kappa)).log_prob(x)
        np.testing.assert_allclose(actual, frozen.logpdf(x.numpy()), rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("length", [0.0, 1e-6, 0.6, 1.3, 30.0, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_von_mises_3d_draws(length: float, dtype: torch.dtype) -> None:
    """Height and azimuth fit their laws; each test fails by chance with probability 1e-5."""
    torch.manual_seed(3)
    location = axis(3, 1.0)
    d = dist.VonMises3D((length * location).to(dtype))
    x = d.sample((20_000,)).double()
    assert d.support.check(x.to(dtype)).all()
    depth = ((x - location).square().sum(-1) / 2).numpy()
    rate = max(length, 1e-12)
    assert sp.kstest(depth, lambda h: np.expm1(-rate * h) / np.expm1(-2 * rate)).pvalue > 1e-5
    frame = torch.linalg.qr(torch.stack([location, *torch.eye(3).double()[:2]], -1)).Q
    turn = torch.atan2(x @ frame[:, 1], x @ frame[:, 2]).numpy()
    assert sp.kstest(turn, sp.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 1e-5


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_projected_normal_draws(n: int) -> None:
    """The angle to the location fits its density; each fails by chance with probability 1e-5."""
    torch.manual_seed(4)
    mu = axis(n, 1.5)
    x = dist.ProjectedNormal(mu).sample((20_000,))
    angle = (x @ axis(n, 1.0)).clamp(-1, 1).acos().numpy()
    at, log_weights, nodes = around(mu, 300)
    mass = (dist.ProjectedNormal(mu).log_prob(at) + log_weights).exp().cumsum(0)
    edges = nodes[14::15].numpy()
    middle = ((nodes[1:] + nodes[:-1]) / 2)[14::15].numpy()
    chances = np.diff(mass[14::15].numpy(), prepend=0)
    counts = np.histogram(angle, [0, *middle[: len(edges) - 1], math.pi])[0]
    expected = 20_000 * chances
    kept = expected > 10
    statistic = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
    assert sp.chi2(kept.sum()).sf(statistic) > 1e-5


def pathwise(family: Any, c: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The mean of each entry of the draws differentiated by each of c, with standard errors."""
    leaf = c.expand(count, -1).clone().requires_grad_()
    x = family(leaf).rsample()
    rows = [torch.autograd.grad(x[:, i].sum(), leaf, retain_graph=True)[0] for i in range(len(c))]
    jacobian = torch.stack(rows, 1)
    return jacobian.mean(0), jacobian.std(0) / count**0.5


@pytest.mark.parametrize("length", [0.0, 1e-10, 1e-3, 0.8, 1.2, 40.0])
def test_von_mises_3d_draws_have_the_gradient_of_the_mean(length: float) -> None:
    """Nine entries, each within 5 standard errors: fails by chance with probability 1e-5."""
    torch.manual_seed(5)
    c = axis(3, length)
    exact = torch.autograd.functional.jacobian(lambda c: dist.VonMises3D(c).mean, c)
    mean, error = pathwise(dist.VonMises3D, c, 20_000)
    assert ((mean - exact).abs() <= 5 * error + 1e-9).all()
    assert error.max() * 20_000**0.5 < 2 / max(length, 1.0)


def test_projected_normal_draws_have_the_gradient_of_the_mean() -> None:
    """As above; the mean of a law in the plane is known by Bessel functions."""
    torch.manual_seed(6)
    c = axis(2, 1.1)

    def mean(c: Tensor) -> Tensor:
        square = c.square().sum()
        bessel = torch.special.i0e(square / 4) + torch.special.i1e(square / 4)
        return math.sqrt(math.pi / 8) * c * bessel

    exact = torch.autograd.functional.jacobian(mean, c)
    actual, error = pathwise(dist.ProjectedNormal, c, 20_000)
    assert ((actual - exact).abs() <= 5 * error).all()


@pytest.mark.parametrize("family", [dist.ProjectedNormal, dist.VonMises3D])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_extreme_concentrations(family: Any, dtype: torch.dtype) -> None:
    lengths = torch.tensor([0.0, 1e-30, 1e-6, 1e-3, 1.0, 1e3, 1e6], dtype=dtype)
    c = (lengths[:, None] * axis(3, 1.0).to(dtype)).requires_grad_()
    torch.manual_seed(7)
    d = family(c)
    draws = d.rsample((200,))
    for x in (draws, d.mode, -d.mode):
        log_prob = d.log_prob(x)
        (gradient,) = torch.autograd.grad(log_prob.sum(), c, retain_graph=True)
        assert log_prob.isfinite().all()
        assert gradient.isfinite().all()
    (gradient,) = torch.autograd.grad(draws.sum(), c)
    assert gradient.isfinite().all()
    area = d.log_prob(d.mode)[:2].exp() * 4 * math.pi
    torch.testing.assert_close(area, torch.ones_like(area))
    normal = {dist.VonMises3D: math.log(1e6), dist.ProjectedNormal: 2 * math.log(1e6)}[family]
    expected = normal - math.log(2 * math.pi)
    tol = 1e-2 if dtype is torch.float32 else 1e-6  # c itself is rounded by 0.06
    assert d.log_prob(d.mode)[-1].item() == pytest.approx(expected, abs=tol)


def test_gradient_at_no_location_is_the_direction() -> None:
    c = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    x = axis(3, 1.0)
    (gradient,) = torch.autograd.grad(dist.VonMises3D(c).log_prob(x), c)
    torch.testing.assert_close(gradient, x)


@pytest.mark.parametrize("length", [1e-3, 0.45, 0.55, 4.0, 50.0])
def test_fisher_gradients(length: float) -> None:
    c = axis(3, length).requires_grad_()
    x = axis(3, 1.0).flip(0).requires_grad_()
    x_tangent = torch.linalg.qr(x.detach()[:, None], mode="complete").Q[:, 1:]

    def density(c: Tensor, along: Tensor) -> Tensor:
        moved = x.detach() + x_tangent @ along
        return log_fisher_density(c, moved / moved.norm())

    along = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(density, (c, along))
    torch.autograd.gradgradcheck(density, (c, along))
    exact = 1 / math.tanh(length) - 1 / length
    ratio = mean_ratio(torch.tensor(length, dtype=torch.float64) ** 2).item()
    assert ratio * length == pytest.approx(exact, rel=1e-12 / length**2 + 1e-13)


def test_projected_normal_gradients() -> None:
    x = axis(4, 1.0).flip(0)
    for length in (0.0, 2.0, 30.0):
        c = axis(4, length).requires_grad_()
        torch.autograd.gradcheck(lambda c: dist.ProjectedNormal(c).log_prob(x), c)


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ShapeError, match="3 entries"):
        dist.VonMises3D(torch.ones(2))
    with pytest.raises(ShapeError, match="vector"):
        dist.ProjectedNormal(1.0)
