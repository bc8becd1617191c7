"""Objectives that weigh particles agree with their definitions, in value and in gradient.

Expectations over K particles are exact: sums over all values of discrete sites, or Gauss-Hermite
quadrature. Estimates may differ by 5 standard errors of ``BATCHES`` independent ones (one false
alarm in a million comparisons; the seeds are fixed).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import (
    ELBO,
    RenyiELBO,
    Trace_ELBO,
    TraceTailAdaptive_ELBO,
)
from pyro.infer.errors import InferenceError
from tests.laws.elbo_cases import Case, Params, X, nested_bernoullis
from tests.laws.test_elbo_laws import assert_agree, estimates, exact

BATCHES = 600
FLIPS = torch.tensor([1.0, 0.0, 1.0])


def renyi(log_w: Tensor, alpha: float) -> Tensor:
    """The bound of particles along the last dim."""
    order = 1 - alpha
    return ((order * log_w).logsumexp(-1) - math.log(log_w.shape[-1])) / order


def coins(particles: int, alpha: float) -> Case:
    """Two latent coins, the second in a plate and dependent on the first; enumerated."""
    states = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)))

    def model() -> None:
        z = pyro.sample("z", dist.Bernoulli(0.3))
        with pyro.plate("data", 3):
            w = pyro.sample("w", dist.Bernoulli(0.25 + 0.5 * z))
            pyro.sample("x", dist.Bernoulli(0.2 + 0.5 * w), obs=FLIPS)

    def guide(p: Params) -> None:
        z = pyro.sample("z", dist.Bernoulli(logits=p["z"]))
        with pyro.plate("data", 3):
            pyro.sample("w", dist.Bernoulli(logits=p["w"] + z))

    def log_joint(p: Params) -> tuple[Tensor, Tensor]:
        z, w = states[:, 0], states[:, 1:]
        log_p = dist.Bernoulli(0.3).log_prob(z)
        log_p = log_p + dist.Bernoulli((0.25 + 0.5 * z)[:, None]).log_prob(w).sum(-1)
        log_p = log_p + dist.Bernoulli(0.2 + 0.5 * w).log_prob(FLIPS).sum(-1)
        log_q = dist.Bernoulli(logits=p["z"]).log_prob(z)
        log_q = log_q + dist.Bernoulli(logits=p["w"] + z[:, None]).log_prob(w).sum(-1)
        return log_p, log_q

    def bound(p: Params) -> Tensor:
        log_p, log_q = log_joint(p)
        index = torch.cartesian_prod(*[torch.arange(len(states))] * particles)
        index = index.reshape(-1, particles)
        return (log_q[index].sum(-1).exp() * renyi((log_p - log_q)[index], alpha)).sum()

    params: Any = {"z": 0.4, "w": [-0.3, 0.2, 0.5]}
    return Case(f"coins K={particles} alpha={alpha}", params, model, guide, bound, 1)


def normals(particles: int, alpha: float) -> Case:
    """A normal mean with a reparameterised guide, by quadrature over two particles."""
    nodes, weights = (torch.as_tensor(a) for a in np.polynomial.hermite_e.hermegauss(40))

    def model() -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        with pyro.plate("data", 4):
            pyro.sample("x", dist.Normal(z, 1.0), obs=X)

    def guide(p: Params) -> None:
        pyro.sample("z", dist.Normal(p["loc"], p["log_scale"].exp()))

    def bound(p: Params) -> Tensor:
        loc, scale = p["loc"].double(), p["log_scale"].double().exp()
        z = loc + scale * nodes
        log_p = dist.Normal(0.0, 1.0).log_prob(z)
        log_p = log_p + dist.Normal(z[:, None], 1.0).log_prob(X.double()).sum(-1)
        log_w = log_p - dist.Normal(loc, scale).log_prob(z)
        index = torch.cartesian_prod(*[torch.arange(40)] * particles).reshape(-1, particles)
        chance = (weights / weights.sum())[index].prod(-1)
        return (chance * renyi(log_w[index], alpha)).sum().float()

    params: Any = {"loc": 0.2, "log_scale": -0.5}
    return Case(f"normals K={particles} alpha={alpha}", params, model, guide, bound, 1)


RENYI = [
    (make(particles, alpha), particles, alpha)
    for make in (coins, normals)
    for particles, alpha in ((1, 0.0), (2, 0.0), (2, 0.5), (2, 2.0), (3, 0.0), (2, -1.0))
]


@pytest.mark.parametrize("vectorized", [False, True], ids=["loop", "vectorized"])
@pytest.mark.parametrize(("case", "particles", "alpha"), RENYI, ids=[row[0].name for row in RENYI])
def test_renyi_bound_is_exact_on_average(
    case: Case, particles: int, alpha: float, vectorized: bool
) -> None:
    pyro.set_rng_seed(1)
    elbo = RenyiELBO(alpha, particles, vectorize_particles=vectorized)
    assert_agree(estimates(case, elbo, BATCHES), exact(case))


def test_renyi_bound_grows_with_the_particles() -> None:
    bounds = [coins(k, 0.0) for k in (1, 2, 3)]
    values = [case.exact(case.leaves()).item() for case in bounds]
    assert values == sorted(values)
    assert values[2] - values[0] > 0.05


def test_one_renyi_particle_is_the_evidence_lower_bound() -> None:
    case = nested_bernoullis()
    guide = functools.partial(case.guide, case.leaves())
    losses = []
    for elbo in (RenyiELBO(num_particles=1), Trace_ELBO()):
        pyro.set_rng_seed(0)
        losses.append(elbo.loss(case.model, guide))
    torch.testing.assert_close(losses[0], losses[1])


def test_other_particles_are_a_baseline() -> None:
    """The variance of the gradient is less than that of the same estimator without a baseline."""
    case = coins(4, 0.0)
    pyro.set_rng_seed(2)
    reduced = estimates(case, RenyiELBO(0.0, 4), 400)["w"].var(0)

    class Plain(RenyiELBO):
        def _combine(self, weights: Any) -> Any:
            bound, _ = super()._combine(weights)
            return bound, bound + weights.scores.sum() * bound.detach()

    plain = estimates(case, Plain(0.0, 4), 400)["w"].var(0)
    assert (reduced < 0.3 * plain).all()


def test_impossible_particles_do_no_harm() -> None:
    """A particle of weight zero leaves bound and gradient finite, if another has some weight."""
    logits = torch.tensor(0.0, requires_grad=True)

    def model() -> None:
        z = pyro.sample("z", dist.Bernoulli(0.5))
        pyro.factor("possible", torch.where(z > 0, 0.0, -math.inf))

    def guide() -> None:
        pyro.sample("z", dist.Bernoulli(logits=logits))

    pyro.set_rng_seed(0)
    loss = RenyiELBO(num_particles=30).differentiable_loss(model, guide)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None and logits.grad.isfinite()


# --- the tail-adaptive divergence -------------------------------------------------------------


def chain(model_loc: Tensor, phi: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Draws of a guide z2 | z1, made from noise of shape (particles, 2)."""
    z1 = phi[0] + phi[1].exp() * noise[:, 0]
    return z1, phi[2] * z1 + phi[3].exp() * noise[:, 1]


@pytest.mark.parametrize("beta", [-1.0, -0.5, 0.0])
@pytest.mark.parametrize("vectorized", [False, True], ids=["loop", "vectorized"])
def test_tail_adaptive_gradient_is_its_definition(beta: float, vectorized: bool) -> None:
    """Against the formula, with the gradient along z written by hand for a guide of two sites."""
    particles = 6
    theta = torch.tensor(0.7, requires_grad=True)
    phi = torch.tensor([0.2, -0.3, 0.8, 0.1], requires_grad=True)
    drawn: list[Tensor] = []

    def model() -> None:
        z1 = pyro.sample("z1", dist.Normal(theta, 1.0))
        z2 = pyro.sample("z2", dist.Normal(z1, 1.5))
        pyro.sample("x", dist.Normal(z2, 1.0), obs=torch.tensor(1.3))

    def guide() -> None:
        z1 = pyro.sample("z1", dist.Normal(phi[0], phi[1].exp()))
        z2 = pyro.sample("z2", dist.Normal(phi[2] * z1, phi[3].exp()))
        drawn.append(torch.stack([z1, z2], -1).reshape(-1, 2).detach())

    elbo = TraceTailAdaptive_ELBO(
        num_particles=particles,
        vectorize_particles=vectorized,
        max_plate_nesting=0,
        tail_adaptive_beta=beta,
    )
    pyro.set_rng_seed(3)
    elbo.loss_and_grads(model, guide)

    z = torch.cat(drawn)
    if vectorized:
        z = z[-particles:]
    else:
        z = z[::2]  # each particle's guide is run twice
    fixed = phi.detach()
    z1, z2 = z.unbind(-1)
    noise = torch.stack([(z1 - fixed[0]) / fixed[1].exp(), 0 * z2], -1)
    noise[:, 1] = (z2 - fixed[2] * z1) / fixed[3].exp()
    z = z.requires_grad_()

    def log_w(loc: Tensor) -> Tensor:
        z1, z2 = z.unbind(-1)
        log_p = dist.Normal(loc, 1.0).log_prob(z1) + dist.Normal(z1, 1.5).log_prob(z2)
        log_p = log_p + dist.Normal(z2, 1.0).log_prob(torch.tensor(1.3))
        log_q = dist.Normal(fixed[0], fixed[1].exp()).log_prob(z1)
        return log_p - log_q - dist.Normal(fixed[2] * z1, fixed[3].exp()).log_prob(z2)

    weights = log_w(theta)
    tail = torch.stack([(weights >= w).float().mean() for w in weights]) ** beta
    share = (tail / tail.sum()).detach()
    (slope,) = torch.autograd.grad(log_w(theta.detach()).sum(), z)
    path = torch.stack(chain(theta, phi, noise), -1)
    wanted = -torch.autograd.grad((share[:, None] * slope * path).sum(), phi)[0]
    assert phi.grad is not None and theta.grad is not None
    torch.testing.assert_close(phi.grad, wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(theta.grad, -(share * (z1.detach() - theta.detach())).sum())


def test_tail_adaptive_refuses_what_it_cannot_do() -> None:
    def model() -> None:
        pyro.sample("z", dist.Bernoulli(0.5))

    with pytest.raises(InferenceError, match="num_particles must be at least 2"):
        TraceTailAdaptive_ELBO().loss(lambda: None, lambda: None)
    with pytest.raises(InferenceError, match="'z' of the guide is not reparameterised"):
        TraceTailAdaptive_ELBO(num_particles=2).loss(model, model)


@pytest.mark.parametrize("alpha", [1, 1.0, math.inf, math.nan])
def test_renyi_refuses_orders_without_a_bound(alpha: float) -> None:
    with pytest.raises(InferenceError, match="alpha must"):
        RenyiELBO(alpha)


WEIGHTED: dict[str, Callable[[], ELBO]] = {
    "renyi": lambda: RenyiELBO(0.5, 3),
    "renyi vectorized": lambda: RenyiELBO(0.5, 3, vectorize_particles=True),
    "tail adaptive": lambda: TraceTailAdaptive_ELBO(3),
    "tail adaptive vectorized": lambda: TraceTailAdaptive_ELBO(3, vectorize_particles=True),
}


@pytest.mark.parametrize("objective", WEIGHTED)
def test_the_methods_of_an_objective_agree(objective: str) -> None:
    case = normals(2, 0.0)
    params = case.leaves()
    guide = functools.partial(case.guide, params)
    results: list[Any] = []
    for method in ("loss", "loss_and_grads", "differentiable_loss"):
        pyro.set_rng_seed(7)
        results.append(getattr(WEIGHTED[objective](), method)(case.model, guide))
    loss, with_grads, tensor = results
    accumulated = [p.grad for p in params.values()]
    direct = torch.autograd.grad(tensor, list(params.values()))
    torch.testing.assert_close(torch.tensor(with_grads), torch.tensor(loss))
    torch.testing.assert_close(tensor.detach(), torch.tensor(loss))
    torch.testing.assert_close(accumulated, list(direct), rtol=1e-4, atol=1e-5)
