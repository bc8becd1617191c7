"""Weighted predictive draws, resampling by Metropolis-Hastings, and resampling of simulations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer import MHResampler, WeighedPredictive
from pyro.infer.errors import InferenceError
from pyro.infer.predictive import WeighedPredictiveResults
from pyro.infer.resampler import Resampler
from pyro.ops.stats import quantile, weighed_quantile

X = torch.tensor([1.0, 2.0, 3.0])


def model(x: Tensor | None = None) -> Tensor:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", 3):
        return pyro.sample("x", dist.Normal(z, 1.0), obs=x)  # type: ignore[no-any-return]


def with_data() -> Tensor:
    return model(X)


def guide() -> None:
    pyro.sample("auxiliary", dist.Normal(0.0, 1.0), infer={"is_auxiliary": True})
    pyro.sample("z", dist.Normal(1.2, 0.6))


POSTERIOR = dist.Normal(1.5, 0.5)  # of z: precision 1 + 3, sum 6


@pytest.mark.parametrize("parallel", [False, True])
def test_weights(parallel: bool) -> None:
    predictive = WeighedPredictive(model, guide=guide, num_samples=50, parallel=parallel)
    result = predictive(model_guide=with_data)
    assert {name: tuple(v.shape) for name, v in result.samples.items()} == {
        "z": (50, 1),
        "x": (50, 3),
    }
    z = result.samples["z"][:, 0]
    joint = dist.Normal(0.0, 1.0).log_prob(z) + dist.Normal(z[:, None], 1.0).log_prob(X).sum(-1)
    torch.testing.assert_close(result.model_log_prob, joint)
    torch.testing.assert_close(
        result.log_weights, result.model_log_prob - result.guide_log_prob, rtol=0, atol=0
    )
    without = result.guide_log_prob - dist.Normal(1.2, 0.6).log_prob(z)
    assert without.std() > 0.3  # the auxiliary site counts in the density of the guide
    assert predictive.call(model_guide=with_data).samples[0].shape == (50, 3)


@pytest.mark.parametrize("parallel", [False, True])
def test_sites_left_to_the_model_do_not_count(parallel: bool) -> None:
    """The density of a latent site that is drawn from the model cancels."""

    def narrow() -> None:
        pyro.sample("z", dist.Normal(0.0, 1.0))

    predictive = WeighedPredictive(
        model, guide=narrow, num_samples=7, parallel=parallel, return_sites=["_RETURN"]
    )
    result = predictive()
    torch.testing.assert_close(result.log_weights, torch.zeros(7))
    assert {name: tuple(v.shape) for name, v in result.samples.items()} == {"_RETURN": (7, 3)}


def simple_guide() -> None:
    pyro.sample("z", dist.Normal(1.2, 0.8))


def test_the_posterior_is_recovered() -> None:
    """Quantiles by weights and by Metropolis-Hastings: the deviation of each is about 0.01, and
    0.06 is six times that."""
    pyro.set_rng_seed(0)
    predictive = WeighedPredictive(model, guide=simple_guide, num_samples=10_000, parallel=True)
    draws = predictive(model_guide=with_data)
    log_evidence = dist.MultivariateNormal(torch.zeros(3), torch.eye(3) + 1).log_prob(X)
    assert abs(draws.get_log_normalizer() - log_evidence) < 0.06
    assert 0 < draws.get_ESS() / 10_000 < 1
    torch.testing.assert_close(draws.get_normalized_weights().sum(), torch.tensor(1.0))
    probs = [0.1, 0.5, 0.9]
    expected = POSTERIOR.icdf(torch.tensor(probs))
    weighed = weighed_quantile(draws.samples["z"][:, 0], probs, draws.log_weights)
    assert (weighed - expected).abs().max() < 0.06
    resampler = MHResampler(predictive)
    for _ in range(15):
        resampled = resampler(model_guide=with_data)
    found = quantile(resampled.samples["z"][:, 0], probs)
    assert (found - expected).abs().max() < 0.06


class Replayed:
    """A sampler with given results."""

    def __init__(self, *log_weights: list[float]) -> None:
        self.results = [
            WeighedPredictiveResults(
                {"i": torch.full((len(weights),), float(i))},
                *(torch.tensor(weights), torch.zeros(len(weights)), torch.tensor(weights)),
            )
            for i, weights in enumerate(log_weights)
        ]
        self.calls = iter(self.results)

    def __call__(self) -> WeighedPredictiveResults:
        return next(self.calls)


def test_resampler_keeps_counts_and_batches() -> None:
    sampler = Replayed([0.0, 0.0], [100.0, -100.0], [-100.0, 50.0])
    resampler = MHResampler(sampler, slice(None), slice(-2, None))
    seen = [resampler().samples["i"].tolist() for _ in range(3)]
    assert seen == [[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]
    assert resampler.get_total_transition_count() == 2
    assert resampler.get_min_sample_transition_count() == 1
    assert resampler.get_source_samples().samples["i"].tolist() == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    stored = resampler.get_stored_samples()
    assert stored.samples["i"].tolist() == [1.0, 0.0, 1.0, 2.0]
    assert stored.log_weights.tolist() == [100.0, 0.0, 100.0, 50.0]
    as_tuple = WeighedPredictiveResults((torch.ones(2),), *(torch.zeros(2) for _ in range(3)))
    assert resampler.get_samples([as_tuple, as_tuple]).samples[0].shape == (4,)
    with pytest.raises(InferenceError, match="source_samples_slice"):
        MHResampler(sampler).get_source_samples()


@pytest.mark.parametrize(
    "options",
    [{"num_samples": 3}, {"guide": guide}, {"guide": guide, "posterior_samples": {"z": X}}],
)
def test_a_guide_is_needed(options: dict[str, Any]) -> None:
    with pytest.raises(InferenceError, match="needs a guide and num_samples, and no"):
        WeighedPredictive(model, **options)


def broad() -> None:
    pyro.sample("z", dist.Normal(0.0, 3.0))
    with pyro.plate("p", 2):
        pyro.sample("w", dist.Normal(0.0, 1.0))


def simulator() -> None:
    z = pyro.sample("z", dist.Normal(0.0, 3.0))
    with pyro.plate("p", 2):
        w = pyro.sample("w", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(torch.stack([z + w, z - w], -1), 1e-3).to_event(1))


def shifted(loc: float) -> Callable[[], None]:
    def prior() -> None:
        pyro.sample("z", dist.Normal(loc, 0.5))
        with pyro.plate("p", 2):
            pyro.sample("w", dist.Normal(0.0, 1.0))

    return prior


def test_resampled_simulations() -> None:
    """z ~ N(2, 0.5): the deviation of the mean of 2000 draws, of about 2500 effective ones, is
    0.016; 0.08 is five times that."""
    pyro.set_rng_seed(1)
    resampler = Resampler(broad, simulator, num_guide_samples=20_000)
    draws = resampler.sample(shifted(2.0), 2000)
    shapes = {name: tuple(value.shape) for name, value in draws.items()}
    assert shapes == {"z": (2000, 1), "w": (2000, 2), "x": (2000, 2, 2)}
    z, w, x = draws["z"], draws["w"], draws["x"]
    torch.testing.assert_close(x, torch.stack([z + w, z - w], -1), atol=0.01, rtol=0)
    assert abs(z.mean() - 2) < 0.08 and abs(z.std() - 0.5) < 0.08
    again = resampler.sample(shifted(2.0), 2000)
    assert torch.equal(again["z"], z)
    kept = torch.isin(resampler.sample(shifted(2.01), 2000)["z"], z).float().mean()
    assert kept > 0.9  # a small change of the model exchanges few draws
    few = Resampler(broad, num_guide_samples=10).sample(shifted(0.0), 2000)
    assert few["z"].shape == (2000, 1)  # copies
    assert not torch.equal(resampler.sample(shifted(2.0), 2000, stable=False)["z"], z)
    alone = Resampler(broad, num_guide_samples=100)
    assert alone.sample(shifted(0.0), 5).keys() == {"z", "w"}


def test_resampler_needs_the_same_sites() -> None:
    def other() -> None:
        pyro.sample("z", dist.Normal(0.0, 1.0))

    with pytest.raises(InferenceError, match=r"latent sites \['z'\], but the guide has \['w', 'z'"):
        Resampler(broad, num_guide_samples=10).sample(other, 5)
