"""Stein variational gradient descent: exact directions, and the moments it converges to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import SVGD, IMQSteinKernel, RBFSteinKernel
from pyro.infer.errors import InferenceError
from pyro.infer.svgd import SteinKernel
from pyro.optim import SGD, Adam

KERNELS: dict[str, Any] = {
    "rbf": RBFSteinKernel(),
    "rbf wide": RBFSteinKernel(bandwidth_factor=2.0),
    "imq": IMQSteinKernel(),
    "imq steep": IMQSteinKernel(1.5, -1.2, 0.7),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_have_their_gradients(name: str) -> None:
    """Against the formula and autograd, at the bandwidth of the particles."""
    kernel = KERNELS[name]
    torch.manual_seed(0)
    particles = torch.randn(6, 3, dtype=torch.float64)
    log_kernel, grad = kernel.log_kernel_and_grad(particles)
    gaps = particles[:, None] - particles
    first, second = torch.triu_indices(6, 6, 1)
    bandwidth = gaps[first, second].square().median(0).values / torch.tensor(7.0).double().log()
    bandwidth = bandwidth * (kernel.bandwidth_factor or 1.0)

    def formula(left: Tensor) -> Tensor:
        squares = (left[:, None] - particles).square() / bandwidth
        if isinstance(kernel, RBFSteinKernel):
            return -squares
        return kernel.beta * (kernel.alpha + squares).log()

    left = particles.clone().requires_grad_()
    torch.testing.assert_close(log_kernel, formula(left).detach())
    for m in range(6):
        (wanted,) = torch.autograd.grad(formula(left)[:, m].sum(), left)
        torch.testing.assert_close(grad[:, m], wanted)


@pytest.mark.parametrize("mode", ["univariate", "multivariate"])
def test_a_step_is_its_definition(mode: str) -> None:
    """In the unconstrained space, with the density of the transform; SGD shows the direction."""

    def model(x: Tensor) -> None:
        a = pyro.sample("a", dist.Gamma(2.0, 1.5))
        with pyro.plate("data", 2):
            b = pyro.sample("b", dist.Normal(a, 1.0))
            pyro.sample("x", dist.Normal(b, 0.5), obs=x)

    x = torch.tensor([1.0, -0.5])
    kernel = RBFSteinKernel()
    pyro.set_rng_seed(0)
    svgd = SVGD(model, kernel, SGD({"lr": 0.0}), 5, 1, mode)
    svgd.step(x)
    before = pyro.param("svgd_particles").detach().clone().requires_grad_()
    assert before.shape == (5, 3)
    named = svgd.get_named_particles()
    assert {k: v.shape for k, v in named.items()} == {"a": (5, 1), "b": (5, 2)}
    torch.testing.assert_close(named["a"][:, 0], before[:, 0].exp().detach())

    log_a, b = before[:, 0], before[:, 1:]
    log_p = dist.Gamma(2.0, 1.5).log_prob(log_a.exp()) + log_a
    log_p = log_p + dist.Normal(log_a.exp()[:, None], 1.0).log_prob(b).sum(-1)
    log_p = log_p + dist.Normal(b, 0.5).log_prob(x).sum(-1)
    (score,) = torch.autograd.grad(log_p.sum(), before)
    log_kernel, slope = kernel.log_kernel_and_grad(before.detach())
    if mode == "multivariate":
        log_kernel = log_kernel.sum(-1, keepdim=True).expand(5, 5, 3)
    wanted = torch.zeros(5, 3)
    for m in range(5):
        for n in range(5):
            wanted[m] += log_kernel[n, m].exp() * (score[n] + slope[n, m]) / 5

    svgd.optim = SGD({"lr": 1.0})
    squares = svgd.step(x)
    moved = pyro.param("svgd_particles").detach() - before.detach()
    torch.testing.assert_close(moved, wanted, rtol=1e-4, atol=1e-5)
    assert squares["a"] == pytest.approx(wanted[:, 0].square().mean().item(), rel=1e-4)
    assert squares["b"] == pytest.approx(wanted[:, 1:].square().mean().item(), rel=1e-4)


@pytest.mark.parametrize("kernel", ["rbf", "imq"])
def test_moments_of_a_normal_posterior(kernel: str) -> None:
    """Four data, posterior Normal(0.8 * mean, 0.2 ** 0.5)."""
    data = torch.tensor([1.0, 2.0, 0.5, 1.5])

    def model() -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        with pyro.plate("data", 4):
            pyro.sample("x", dist.Normal(z, 1.0), obs=data)

    pyro.set_rng_seed(0)
    svgd = SVGD(model, KERNELS[kernel], Adam({"lr": 0.05}), 60, 1)
    for _ in range(300):
        squares = svgd.step()
    z = svgd.get_named_particles()["z"]
    assert z.mean().item() == pytest.approx(1.0, abs=0.03)
    assert z.var().item() == pytest.approx(0.2, rel=0.15)
    assert squares["z"] < 0.05


def test_moments_of_a_correlated_normal() -> None:
    mean, cov = torch.tensor([1.0, -2.0]), torch.tensor([[1.0, 0.7], [0.7, 2.0]])

    def model() -> None:
        pyro.sample("z", dist.MultivariateNormal(mean, cov))

    pyro.set_rng_seed(0)
    svgd = SVGD(model, RBFSteinKernel(), Adam({"lr": 0.05}), 100, 0, "multivariate")
    for _ in range(400):
        svgd.step()
    z = svgd.get_named_particles()["z"]
    torch.testing.assert_close(z.mean(0), mean, rtol=0, atol=0.1)
    torch.testing.assert_close(z.T.cov(), cov, rtol=0.15, atol=0.15)


def test_constrained_sites_keep_to_their_supports() -> None:
    def model() -> None:
        pyro.sample("p", dist.Dirichlet(torch.tensor([2.0, 3.0, 5.0])))
        pyro.sample("u", dist.Uniform(-1.0, 3.0))

    pyro.set_rng_seed(0)
    svgd = SVGD(model, RBFSteinKernel(), Adam({"lr": 0.1}), 50, 0)
    for _ in range(150):
        svgd.step()
    particles = svgd.get_named_particles()
    assert particles["p"].shape == (50, 3)
    torch.testing.assert_close(particles["p"].sum(-1), torch.ones(50))
    torch.testing.assert_close(
        particles["p"].mean(0), torch.tensor([0.2, 0.3, 0.5]), rtol=0, atol=0.05
    )
    assert particles["u"].min() > -1 and particles["u"].max() < 3


def test_equal_particles_and_single_ones_are_no_problem() -> None:
    for kernel in KERNELS.values():
        for particles in (torch.zeros(3, 2), torch.ones(1, 2)):
            assert all(part.isfinite().all() for part in kernel.log_kernel_and_grad(particles))


def test_bad_input_is_named() -> None:
    def model() -> None:
        pyro.sample("z", dist.Bernoulli(0.5))

    adam, rbf = Adam({"lr": 0.1}), RBFSteinKernel()
    with pytest.raises(InferenceError, match="'z' is discrete"):
        SVGD(model, rbf, adam, 5, 0).step()
    with pytest.raises(InferenceError, match="no latent sites"):
        SVGD(lambda: None, rbf, adam, 5, 0).step()
    with pytest.raises(InferenceError, match="take a step first"):
        SVGD(model, rbf, adam, 5, 0).get_named_particles()
    with pytest.raises(InferenceError, match=r"one of \(univariate, multivariate\)"):
        SVGD(model, rbf, adam, 5, 0, mode="both")
    with pytest.raises(InferenceError, match="kernel must be a SteinKernel"):
        SVGD(model, abs, adam, 5, 0)  # type: ignore[arg-type]
    with pytest.raises(InferenceError, match="bandwidth_factor must be positive"):
        RBFSteinKernel(-1.0)
    with pytest.raises(InferenceError, match="alpha must be positive"):
        IMQSteinKernel(alpha=0.0)
    with pytest.raises(InferenceError, match="beta must be negative"):
        IMQSteinKernel(beta=0.5)
    assert issubclass(RBFSteinKernel, SteinKernel)
    pyro.param("svgd_particles", torch.zeros(2, 2))
    with pytest.raises(InferenceError, match="clear_param_store"):
        SVGD(lambda: pyro.sample("z", dist.Normal(0.0, 1.0)), rbf, adam, 5, 0).step()
