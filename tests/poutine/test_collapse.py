"""Collapsed sites against closed forms and quadrature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.distributions import MultivariateNormal

import pyro.distributions as dist
from pyro import poutine
from pyro.errors import HandlerError
from pyro.primitives import barrier, deterministic, param, plate, sample

COUNTS = torch.tensor([3.0, 0.0, 2.0, 5.0])
BITS = torch.tensor([1.0, 0.0, 1.0, 1.0])
CLASSES = torch.tensor([0.0, 2.0, 2.0, 1.0])


def marginal(fn: Callable[..., Any]) -> torch.Tensor:
    """The log-density that handlers outside see."""
    trace = poutine.trace(poutine.collapse(fn)).get_trace()
    assert not [
        n for n in trace.stochastic_nodes if not poutine.util.site_is_subsample(trace.nodes[n])
    ]
    result: torch.Tensor = trace.log_prob_sum()
    return result


def by_quadrature(prior: Any, likelihood: Callable[[torch.Tensor], Any], x: Any) -> torch.Tensor:
    """The log of the integral of prior times likelihood over a fine grid."""
    top = 1.0 if isinstance(prior, dist.Beta) else 60.0
    grid = (torch.arange(400_000, dtype=torch.double) + 0.5) / 400_000 * top
    total = prior.log_prob(grid)
    for value in x.double():
        total = total + likelihood(grid).log_prob(value)
    return total.logsumexp(0) + torch.tensor(top / 400_000).log()


SCALAR = [
    (dist.Beta(2.0, 3.0), dist.Bernoulli, BITS),
    (dist.Beta(2.0, 3.0), dist.Geometric, COUNTS),
    (dist.Beta(2.0, 3.0), lambda p: dist.Binomial(6, p), COUNTS),
    (dist.Gamma(2.0, 3.0), dist.Poisson, COUNTS),
    (dist.Gamma(2.0, 3.0), dist.Exponential, COUNTS + 0.5),
]


@pytest.mark.parametrize(("prior", "likelihood", "x"), SCALAR)
def test_scalar_pairs_match_quadrature(prior: Any, likelihood: Any, x: torch.Tensor) -> None:
    def model() -> None:
        z = sample("z", prior)
        with plate("data", len(x)):
            sample("x", likelihood(z), obs=x)

    expected = by_quadrature(prior, likelihood, x)
    torch.testing.assert_close(marginal(model).double(), expected.double(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", ["Categorical", "OneHotCategorical", "Multinomial"])
def test_dirichlet_pairs_match_the_polya_urn(family: str) -> None:
    concentration = torch.tensor([1.0, 2.0, 0.5])
    one_hot = torch.nn.functional.one_hot(CLASSES.long(), 3).float()

    def model() -> None:
        p = sample("p", dist.Dirichlet(concentration))
        if family == "Multinomial":
            sample("x", dist.Multinomial(4, p), obs=one_hot.sum(0))
            return
        with plate("data", 4):
            obs = CLASSES if family == "Categorical" else one_hot
            sample("x", getattr(dist, family)(p), obs=obs)

    urn, expected = concentration.clone(), torch.zeros(())
    for c in CLASSES.long():
        expected = expected + (urn[c] / urn.sum()).log()
        urn[c] += 1
    if family == "Multinomial":
        expected = expected + torch.tensor(12.0).log()  # 4! / (1! 1! 2!)
    torch.testing.assert_close(marginal(model), expected)


def test_local_latents_indexing_and_masks() -> None:
    group = torch.tensor([0, 1, 1, 0])
    mask = torch.tensor([True, True, False, True])

    def model() -> None:
        with plate("groups", 2):
            p = sample("p", dist.Beta(2.0, 3.0))
        with plate("data", 4), poutine.mask(mask=mask):
            sample("x", dist.Bernoulli(p[group]), obs=BITS)

    expected = by_quadrature(dist.Beta(2.0, 3.0), dist.Bernoulli, BITS[[0, 3]])
    expected = expected + by_quadrature(dist.Beta(2.0, 3.0), dist.Bernoulli, BITS[[1]])
    torch.testing.assert_close(marginal(model).double(), expected.double(), rtol=1e-4, atol=1e-4)


def test_local_latents_in_a_subsampled_plate_are_scaled() -> None:
    def model(size: int) -> None:
        with plate("data", size, subsample=torch.arange(4)):
            rate = sample("rate", dist.Gamma(2.0, 3.0))
            sample("x", dist.Poisson(rate), obs=COUNTS)

    torch.testing.assert_close(marginal(lambda: model(12)), 3 * marginal(lambda: model(4)))


def test_a_global_latent_with_subsampled_data_is_refused() -> None:
    def model() -> None:
        p = sample("p", dist.Beta(2.0, 3.0))
        with plate("data", 8, subsample=torch.arange(4)):
            sample("x", dist.Bernoulli(p), obs=BITS)

    with pytest.raises(HandlerError, match=r"'x'.*'p'.*scale differs"):
        marginal(model)


def test_plates_outside_stay_batch_dims() -> None:
    x = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])

    def model() -> None:
        with plate("inner", 2):
            pass
        p = sample("p", dist.Beta(2.0, 3.0))
        with plate("data", 3, dim=-2):
            sample("x", dist.Bernoulli(p), obs=x)

    with poutine.trace() as tracer, plate("outer", 2):
        poutine.collapse(model)()
    tracer.trace.compute_log_prob()
    found = tracer.trace.nodes["p_marginal"]["log_prob"].reshape(-1)
    expected = [by_quadrature(dist.Beta(2.0, 3.0), dist.Bernoulli, x[:, i]) for i in range(2)]
    torch.testing.assert_close(found.double(), torch.stack(expected), rtol=1e-4, atol=1e-4)


def gaussian_oracle(mean: torch.Tensor, cov: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return MultivariateNormal(mean, cov).log_prob(x)


def test_one_normal_with_affine_observations() -> None:
    x, slope = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([1.0, 2.0, -0.5])

    def model() -> None:
        z = sample("z", dist.Normal(1.0, 2.0))
        with plate("data", 3):
            sample("x", dist.Normal(slope * z + 0.5, 0.7), obs=x)

    cov = 4.0 * slope.outer(slope) + 0.49 * torch.eye(3)
    torch.testing.assert_close(marginal(model), gaussian_oracle(slope + 0.5, cov, x))


def test_a_random_walk_is_a_kalman_filter() -> None:
    x = torch.tensor([0.3, -1.0, 2.0, 0.5, 0.1])

    def model() -> torch.Tensor:
        z = torch.zeros(())
        for t in range(5):
            z = sample(f"z_{t}", dist.Normal(0.9 * z, 1.0))
            sample(f"x_{t}", dist.Normal(z, 0.5), obs=x[t])
        return z

    transition = torch.zeros(5, 5)
    for t in range(1, 5):
        transition[t, t - 1] = 0.9
    inverse = torch.linalg.inv(torch.eye(5) - transition)
    cov = inverse @ inverse.T + 0.25 * torch.eye(5)
    torch.testing.assert_close(marginal(model), gaussian_oracle(torch.zeros(5), cov, x))


def test_hierarchy_linear_regression_and_merged_groups() -> None:
    features = torch.randn(6, 2)
    x = torch.randn(6)

    def model() -> None:
        mu = sample("mu", dist.Normal(0.0, 3.0))
        with plate("weights", 2):
            w = sample("w", dist.Normal(mu, 1.0))
        b = sample("b", dist.Normal(0.0, 2.0))
        with plate("data", 6):
            sample("x", dist.Normal(features @ w + b, 0.5), obs=x)

    w_cov = torch.eye(2) + 9.0
    cov = features @ w_cov @ features.T + 4.0 + 0.25 * torch.eye(6)
    torch.testing.assert_close(marginal(model), gaussian_oracle(torch.zeros(6), cov, x))


def test_evidence_is_differentiable_in_the_parameters() -> None:
    def model() -> None:
        slope = param("slope", torch.tensor(1.5))
        z = sample("z", dist.Normal(0.0, 1.0))
        sample("x", dist.Normal(slope * z, 1.0), obs=2.0)

    trace = poutine.trace(poutine.collapse(model)).get_trace()
    leaf = trace.nodes["slope"]["value"].unconstrained()
    (gradient,) = torch.autograd.grad(trace.log_prob_sum(), leaf)
    a = torch.tensor(1.5, requires_grad=True)
    (expected,) = torch.autograd.grad(dist.Normal(0.0, (1 + a * a).sqrt()).log_prob(2.0), a)
    torch.testing.assert_close(gradient, expected)


def test_draws_are_from_the_posterior() -> None:
    @poutine.collapse
    def model() -> Any:
        p = sample("p", dist.Beta(1.0, 1.0))
        z = sample("z", dist.Normal(0.0, 1.0))
        with plate("data", 4):
            sample("x", dist.Bernoulli(p), obs=BITS)
        sample("y", dist.Normal(z, 1.0), obs=2.0)
        return p, {"shifted": [2 * z + 1]}

    with poutine.block():
        draws = [model() for _ in range(500)]
    p = torch.stack([draw[0] for draw in draws])
    shifted = torch.stack([draw[1]["shifted"][0] for draw in draws])
    assert abs(p.mean() - 4 / 6) < 4 * p.std() / 500**0.5  # each fails once in 16000 seeds
    assert abs(shifted.mean() - 3.0) < 4 * shifted.std() / 500**0.5
    assert abs(shifted.var() - 2.0) < 4 * 2.0 * (2 / 499) ** 0.5


def test_barrier_draws_and_the_rest_goes_on_as_usual() -> None:
    def model() -> None:
        z = sample("z", dist.Normal(0.0, 1.0))
        sample("x", dist.Normal(z, 1.0), obs=2.0)
        z = barrier(z)
        sample("y", dist.Poisson(z.exp()), obs=1.0)

    trace = poutine.trace(poutine.collapse(model)).get_trace()
    assert set(trace.nodes) == {"_INPUT", "z_marginal", "y", "_RETURN"}
    expected = dist.Normal(0.0, 2.0**0.5).log_prob(torch.tensor(2.0))
    trace.compute_log_prob()
    torch.testing.assert_close(trace.nodes["z_marginal"]["log_prob"], expected)


def uses(fn: Callable[[torch.Tensor], Any], prior: Any = None) -> Callable[[], None]:
    def model() -> None:
        z = sample("z", dist.Beta(2.0, 2.0) if prior is None else prior)
        fn(z)

    return model


@pytest.mark.parametrize(
    "use",
    [
        lambda z: sample("x", dist.Bernoulli(z * z), obs=1.0),
        lambda z: sample("x", dist.Bernoulli(logits=z), obs=1.0),
        lambda z: sample("x", dist.Bernoulli(0.5 * z), obs=1.0),
        lambda z: sample("x", dist.Bernoulli(z)),
        lambda z: sample("x", dist.Normal(z, 1.0), obs=1.0),
        lambda z: sample("x", dist.Normal(0.0, z), obs=1.0),
        lambda z: sample("x", dist.Normal(0.0, 1.0), obs=z),
        lambda z: sample("x", dist.Gamma(z, 1.0)),
        lambda z: deterministic("x", z),
        lambda z: sample("x", dist.LogNormal(z, 1.0), obs=1.0),
    ],
)
def test_other_uses_are_refused_by_name(use: Any) -> None:
    with pytest.raises(HandlerError, match=r"site 'x' .*collapsed site 'z'.*'collapse': False"):
        marginal(uses(use))


@pytest.mark.parametrize(
    "use",
    [
        lambda z: sample("x", dist.Normal(z.exp(), 1.0), obs=1.0),
        lambda z: sample("x", dist.Normal(z * z, 1.0), obs=1.0),
        lambda z: sample("x", dist.Normal(1 / z, 1.0), obs=1.0),
        lambda z: sample("x", dist.Normal(z, z.exp()), obs=1.0),
        lambda z: sample("x", dist.Normal(z.abs(), 1.0)),
    ],
)
def test_nonlinear_uses_of_normals_are_refused(use: Any) -> None:
    with pytest.raises(HandlerError, match=r"site 'x' .*collapsed site 'z'"):
        marginal(uses(use, dist.Normal(0.0, 1.0)))


def test_sites_can_be_left_out() -> None:
    def model() -> None:
        scale = sample("scale", dist.Gamma(2.0, 2.0), infer={"collapse": False})
        z = sample("z", dist.Normal(0.0, scale))
        sample("x", dist.Normal(z, 1.0), obs=1.0)

    trace = poutine.trace(poutine.collapse(model)).get_trace()
    assert set(trace.nodes) == {"_INPUT", "scale", "z_marginal", "_RETURN"}


def test_the_scope_restores_the_gradient_mode_also_after_an_error() -> None:
    with torch.no_grad():
        with pytest.raises(HandlerError):
            marginal(uses(lambda z: sample("x", dist.Normal(0.0, z), obs=1.0)))
        assert not torch.is_grad_enabled()
        value = marginal(uses(lambda z: sample("x", dist.Bernoulli(z), obs=1.0)))
    assert not value.requires_grad
    torch.testing.assert_close(value.exp(), torch.tensor(0.5))
