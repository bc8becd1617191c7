"""Reweighted wake-sleep and inference compilation.

Statistical comparisons allow 5 standard errors (one false alarm in a million; seeds are fixed).
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import CSIS, SVI, EmpiricalMarginal, ReweightedWakeSleep
from pyro.infer.errors import InferenceError
from pyro.optim import Adam

X = torch.tensor([0.7, -0.3])


class Programs:
    """A normal mean with two data, theta in the model and phi in the guide; keeps the draws."""

    def __init__(self, discrete: bool = False) -> None:
        self.theta = torch.tensor(0.4, requires_grad=True)
        self.phi = torch.tensor(-0.2, requires_grad=True)
        self.discrete = discrete
        self.modelled: list[tuple[Tensor, Tensor]] = []
        self.guided: list[tuple[Tensor, Tensor]] = []

    def prior(self) -> Any:
        return dist.Bernoulli(logits=self.theta) if self.discrete else dist.Normal(self.theta, 1.0)

    def proposal(self, x: Tensor) -> Any:
        loc = self.phi + 0.5 * x
        return dist.Bernoulli(logits=loc) if self.discrete else dist.Normal(loc, 0.8)

    def model(self, observations: Any) -> None:
        z = pyro.sample("z", self.prior())
        with pyro.plate("data", 2):
            x = pyro.sample("x", dist.Normal(z, 1.0), obs=observations["x"])
        self.modelled.append((z.detach(), x.detach()))

    def guide(self, observations: Any) -> None:
        x = observations["x"]
        mean = x.mean(-1, keepdim=x.dim() > 1)
        self.guided.append((pyro.sample("z", self.proposal(mean)).detach(), x))

    def losses(self, insomnia: float, particles: int, dreams: int) -> tuple[Tensor, Tensor]:
        """The losses by their definition, from the draws of the last run."""
        wake, sleep = self.modelled[:particles], self.modelled[particles:]
        z = torch.cat([z.reshape(-1) for z, _ in wake])[:particles]
        log_p = self.prior().log_prob(z) + dist.Normal(z[:, None], 1.0).log_prob(X).sum(-1)
        log_q = self.proposal(X.mean()).log_prob(z)
        log_w = log_p - log_q.detach()
        phi = -insomnia * (log_w.softmax(-1).detach() * log_q).sum()
        for z_, x in sleep:
            for row, data in zip(z_.reshape(-1), x.reshape(-1, 2), strict=True):
                phi = phi - (1 - insomnia) * self.proposal(data.mean()).log_prob(row) / dreams
        return math.log(particles) - log_w.logsumexp(-1), phi


@pytest.mark.parametrize("discrete", [False, True], ids=["normal", "bernoulli"])
@pytest.mark.parametrize("vectorized", [False, True], ids=["loop", "vectorized"])
@pytest.mark.parametrize("insomnia", [1.0, 0.3, 0.0])
def test_losses_and_gradients_are_their_definitions(
    insomnia: float, vectorized: bool, discrete: bool
) -> None:
    programs = Programs(discrete)
    loss = ReweightedWakeSleep(4, insomnia, True, 3, vectorized, max_plate_nesting=1)
    loss.loss(programs.model, programs.guide, observations={"x": X})  # has a look at the shapes
    programs.modelled.clear()
    pyro.set_rng_seed(0)
    got = loss.loss_and_grads(programs.model, programs.guide, observations={"x": X})
    if vectorized:
        (z, _), *dreams = programs.modelled[-1:] if insomnia == 1 else programs.modelled[-2:]
        programs.modelled = [(row, X) for row in z.reshape(-1)] + dreams
    theta, phi = programs.losses(insomnia, 4, 3)
    torch.testing.assert_close(torch.tensor(got), torch.stack([theta, phi]).detach())
    wanted = torch.autograd.grad(theta, programs.theta)
    wanted += torch.autograd.grad(phi, programs.phi)
    torch.testing.assert_close((programs.theta.grad, programs.phi.grad), wanted)


@pytest.mark.parametrize("vectorized", [False, True], ids=["loop", "vectorized"])
def test_the_methods_agree(vectorized: bool) -> None:
    programs = Programs()
    results = []
    for method in ("loss", "loss_and_grads", "differentiable_loss"):
        loss = ReweightedWakeSleep(3, 0.5, vectorize_particles=vectorized)
        pyro.set_rng_seed(1)
        results.append(getattr(loss, method)(programs.model, programs.guide, observations={"x": X}))
    assert results[0] == results[1]
    torch.testing.assert_close(results[2].item(), sum(results[0]))
    gradients = torch.autograd.grad(results[2], [programs.theta, programs.phi])
    torch.testing.assert_close((programs.theta.grad, programs.phi.grad), gradients)


def test_looped_and_vectorized_dreams_agree_in_expectation() -> None:
    programs = Programs()
    args: dict[str, Any] = {"observations": {"x": X}}
    pyro.set_rng_seed(0)
    many = ReweightedWakeSleep(1, 0.0, False, 2000)
    vectorized = many.loss(programs.model, programs.guide, **args)[1]
    one = ReweightedWakeSleep(1, 0.0, False, 1, vectorize_particles=False)
    looped = torch.tensor([one.loss(programs.model, programs.guide, **args)[1] for _ in range(500)])
    error = looped.std() * (1 / 500 + 1 / 2000) ** 0.5
    assert abs(looped.mean() - vectorized) < 5 * error


def test_pure_sleep_draws_nothing_from_the_guide() -> None:
    programs = Programs()
    loss = ReweightedWakeSleep(2, 0.0, model_has_params=False)
    theta, _ = loss.loss_and_grads(programs.model, programs.guide, observations={"x": X})
    assert theta == 0.0
    assert programs.theta.grad is None
    assert programs.phi.grad is not None


@pytest.mark.parametrize("insomnia", [1.0, 0.5, 0.0])
def test_a_guide_with_a_discrete_site_is_fitted(insomnia: float) -> None:
    """All updates have the exact posterior as their fixed point."""

    def model(observations: Any) -> None:
        k = pyro.sample("k", dist.Categorical(torch.tensor([0.5, 0.3, 0.2])))
        pyro.sample("x", dist.Categorical(TABLE[k]), obs=observations["x"])

    def guide(observations: Any) -> None:
        logits = pyro.param("logits", torch.zeros(2, 3))
        pyro.sample("k", dist.Categorical(logits=logits[observations["x"]]))

    TABLE = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    pyro.set_rng_seed(0)
    loss = ReweightedWakeSleep(50, insomnia, model_has_params=False, num_sleep_particles=100)
    svi = SVI(model, guide, Adam({"lr": 0.03}), loss)
    for step in range(300):
        svi.step(observations={"x": torch.tensor(step % 2)})
    joint = torch.tensor([0.5, 0.3, 0.2])[:, None] * TABLE
    posterior = (joint / joint.sum(0)).T
    fitted = pyro.param("logits").softmax(-1)
    assert (fitted - posterior).abs().max() < 0.12


def test_wake_sleep_refuses_bad_arguments() -> None:
    for insomnia in (-0.1, 1.5, math.nan):
        with pytest.raises(InferenceError, match="insomnia must be from 0 to 1"):
            ReweightedWakeSleep(insomnia=insomnia)
    with pytest.raises(InferenceError, match="num_sleep_particles must be at least 1"):
        ReweightedWakeSleep(num_sleep_particles=0)
    with pytest.raises(InferenceError, match="num_particles must be at least 1"):
        ReweightedWakeSleep(num_particles=0, num_sleep_particles=1)

    def model() -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=torch.tensor(0.0))

    def guide() -> None:
        pyro.sample("z", dist.Normal(0.0, 1.0))

    with pytest.raises(InferenceError, match="keyword argument `observations`"):
        ReweightedWakeSleep(insomnia=0.5).loss(model, guide)


# --- inference compilation --------------------------------------------------------------------


def conjugate(observations: Any = None) -> None:
    z = pyro.sample("z", dist.Normal(1.0, 1.0))
    obs = None if observations is None else observations["x"]
    pyro.sample("x", dist.Normal(z, 0.5), obs=torch.zeros(()) if obs is None else obs)


def amortised(observations: Any = None) -> None:
    x = torch.zeros(()) if observations is None else observations["x"]
    slope, shift = pyro.param("slope", torch.tensor(0.0)), pyro.param("shift", torch.tensor(0.0))
    scale = pyro.param("scale", torch.tensor(1.0), constraint=dist.constraints.positive)
    pyro.sample("z", dist.Normal(shift + slope * x, scale))


def test_csis_learns_the_posterior_of_all_data() -> None:
    """The exact posterior is Normal(0.2 + 0.8 x, 0.2 ** 0.5)."""
    pyro.set_rng_seed(0)
    csis = CSIS(conjugate, amortised, Adam({"lr": 0.03}), 200, 30, 100)
    before = csis.validation_loss()
    for _ in range(250):
        csis.step()
    assert csis.validation_loss() < before - 0.5
    found = [pyro.param(name).item() for name in ("shift", "slope", "scale")]
    assert found == pytest.approx([0.2, 0.8, 0.2**0.5], abs=0.1)
    posterior = csis.run(observations={"x": torch.tensor(2.0)})
    assert abs(EmpiricalMarginal(posterior, "z").mean - 1.8) < 0.15
    assert posterior.get_ESS() > 150


def test_csis_loss_is_its_definition() -> None:
    pyro.set_rng_seed(0)
    csis = CSIS(conjugate, amortised, Adam({"lr": 0.1}), validation_batch_size=5)
    csis.set_validation_batch()
    batch = csis.validation_batch
    assert batch is not None
    losses = []
    for trace in batch:
        z, x = trace.nodes["z"]["value"], trace.nodes["x"]["value"]
        assert x != 0  # drawn, not the default
        amortised()
        losses.append(-dist.Normal(0.0 * x, 1.0).log_prob(z))
    wanted = torch.stack(losses).mean()
    assert csis.validation_loss() == pytest.approx(wanted.item(), rel=1e-5)
    assert csis.loss_and_grads(True, batch) == pytest.approx(wanted.item(), rel=1e-5)
    slope = pyro.get_param_store().unconstrained("slope")
    assert slope.grad is not None


def test_csis_refuses_bad_arguments() -> None:
    with pytest.raises(InferenceError, match=r"pyro\.optim"):
        CSIS(conjugate, amortised, torch.nn.Linear)  # type: ignore[arg-type]
    with pytest.raises(InferenceError, match="LBFGS"):
        CSIS(conjugate, amortised, torch.optim.LBFGS)
    with pytest.raises(InferenceError, match="at least 1"):
        CSIS(conjugate, amortised, Adam({}), training_batch_size=0)
    with pytest.raises(InferenceError, match="keyword argument `observations`"):
        CSIS(conjugate, lambda: None, Adam({})).step()
