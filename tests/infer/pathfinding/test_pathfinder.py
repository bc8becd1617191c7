"""Pathfinder: exact for normal posteriors, near for others, and honest when it is neither."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MCMC, NUTS, pathfinder
from pyro.infer.errors import InferenceError
from pyro.infer.pathfinding import LowRankNormal

COVARIANCE = torch.tensor([[2.0, 1.2, 0.1], [1.2, 1.0, -0.2], [0.1, -0.2, 0.5]])


def normal() -> None:
    pyro.sample("x", dist.MultivariateNormal(torch.tensor([1.0, -2.0, 3.0]), COVARIANCE))


def regression(x: Tensor, y: Tensor) -> None:
    weights = pyro.sample("weights", dist.Normal(torch.zeros(x.shape[1]), 2.0).to_event(1))
    with pyro.plate("data", len(x)):
        pyro.sample("y", dist.Bernoulli(logits=x @ weights), obs=y)


def data() -> tuple[Tensor, Tensor]:
    x = torch.randn(200, 4)
    return x, torch.bernoulli((x @ torch.tensor([1.0, -1.0, 0.5, 0.0])).sigmoid())


def test_a_normal_law_draws_what_it_scores() -> None:
    basis, _ = torch.linalg.qr(torch.randn(4, 2, dtype=torch.double))
    factor = torch.tensor([[2.0, 0.0], [0.5, 0.3]], dtype=torch.double)
    law = LowRankNormal(torch.ones(4).double(), torch.rand(4).double() + 0.5, basis, factor)
    draws, log_q = law.draw(50_000)
    exact = torch.distributions.MultivariateNormal(law.loc, law.covariance)
    torch.testing.assert_close(log_q, exact.log_prob(draws))
    torch.testing.assert_close(draws.T.cov(), law.covariance, rtol=0.05, atol=0.05)


def test_normal_posteriors_are_exact() -> None:
    """With a history as long as the dimension the law is the posterior, up to inexact searches."""
    pyro.set_rng_seed(0)
    result = pathfinder(normal, num_draws=4000, history=10)
    best = max(result.paths, key=lambda path: path.elbo).normal
    torch.testing.assert_close(best.loc, torch.tensor([1.0, -2.0, 3.0]).double(), atol=0.05, rtol=0)
    torch.testing.assert_close(best.covariance, COVARIANCE.double(), atol=0.3, rtol=0.1)
    assert result.k_hat < 0.7
    assert max(result.paths, key=lambda path: path.elbo).log_weights.std() < 0.3
    draws = result.samples["x"]
    torch.testing.assert_close(draws.mean(0), torch.tensor([1.0, -2.0, 3.0]), atol=0.15, rtol=0)
    torch.testing.assert_close(draws.T.cov(), COVARIANCE, atol=0.3, rtol=0.1)
    assert "usable" in result.verdict


def test_a_regression_agrees_with_long_chains() -> None:
    pyro.set_rng_seed(1)
    x, y = data()
    result = pathfinder(regression, x, y, num_draws=4000)
    assert result.k_hat < 0.7
    mcmc = MCMC(NUTS(regression), 2000, 500, num_chains=2, disable_progbar=True)
    mcmc.run(x, y)
    chains, draws = mcmc.get_samples()["weights"], result.samples["weights"]
    assert ((draws.mean(0) - chains.mean(0)).abs() < 0.15 * chains.std(0)).all()
    torch.testing.assert_close(draws.std(0), chains.std(0), rtol=0.12, atol=0)


def test_starts_for_chains() -> None:
    pyro.set_rng_seed(2)
    x, y = data()
    result = pathfinder(regression, x, y, num_draws=50)
    start = result.initial_params(3)
    assert start["weights"].shape == (3, 4)
    assert result.initial_params()["weights"].shape == (4,)
    with pytest.raises(InferenceError, match="50 draws for 51 chains"):
        result.initial_params(51)
    mcmc = MCMC(
        NUTS(regression), 100, 50, initial_params="pathfinder", num_chains=3, disable_progbar=True
    )
    mcmc.run(x, y)
    assert (
        mcmc.get_samples()["weights"].mean(0) - result.samples["weights"].mean(0)
    ).abs().max() < 0.3


def test_heavy_tails_are_called_out() -> None:
    def cauchy() -> None:
        pyro.sample("x", dist.Cauchy(torch.zeros(5), 1.0).to_event(1))

    pyro.set_rng_seed(3)
    result = pathfinder(cauchy)
    assert result.k_hat > 0.7
    assert "above 0.7" in result.verdict


def test_one_path_without_weights() -> None:
    pyro.set_rng_seed(4)
    result = pathfinder(normal, num_paths=1, num_draws=30, psis_resample=False)
    assert len(result.paths) == 1
    assert result.elbo == result.paths[0].elbo
    assert result.samples["x"].shape == (30, 3)


def test_supports_are_kept() -> None:
    def positive(scale: Tensor) -> None:
        pyro.sample("rate", dist.Gamma(3.0, scale))

    pyro.set_rng_seed(5)
    draws = pathfinder(positive, model_kwargs={"scale": torch.tensor(2.0)}).samples["rate"]
    assert (draws > 0).all()
    assert abs(draws.mean() - 1.5) < 0.15


def test_a_seed_decides() -> None:
    draws = []
    for seed in (6, 6, 7):
        pyro.set_rng_seed(seed)
        draws.append(pathfinder(normal, num_draws=20).samples["x"])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("option", ["num_draws", "num_paths", "num_elbo_draws"])
def test_bad_options(option: str) -> None:
    with pytest.raises(InferenceError, match=option):
        pathfinder(normal, **{option: 0})


def test_a_flat_density_has_no_approximation() -> None:
    def flat() -> None:
        pyro.sample("x", dist.ImproperUniform(dist.constraints.real, (), ()))

    with pytest.raises(InferenceError, match="none of 4 paths"):
        pathfinder(flat)
