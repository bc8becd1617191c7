"""Pareto smoothing, against a plain scalar version of the algorithm and against exact tails."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats as scipy_stats
from torch import Tensor

import pyro.distributions as dist
from pyro.ops.psis import k_threshold, psis, tail_length
from pyro.ops.stats import fit_generalized_pareto


def smoothed_plainly(log_weights: Tensor) -> tuple[np.ndarray, float]:
    """Algorithm 1 of the paper, with scipy's quantiles, for one vector of log weights."""
    logs = log_weights.double().numpy() - log_weights.max().item()
    order = np.argsort(logs)
    tail = order[-tail_length(len(logs)) :]
    cutoff = math.exp(logs[order[-len(tail) - 1]])
    k, sigma = fit_generalized_pareto(torch.as_tensor(np.exp(logs[tail]) - cutoff))
    levels = (np.arange(len(tail)) + 0.5) / len(tail)
    quantiles = cutoff + scipy_stats.genpareto.ppf(levels, k, scale=sigma)
    logs[tail] = np.minimum(np.log(quantiles), 0)
    return logs - np.log(np.exp(logs).sum()), k


def test_agrees_with_the_plain_algorithm() -> None:
    torch.manual_seed(0)
    log_weights = torch.randn(300, 2, 3, dtype=torch.double) * torch.tensor([0.5, 1.5, 4.0])
    result = psis(log_weights)
    assert result.k_hat.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            expected, k = smoothed_plainly(log_weights[:, i, j])
            np.testing.assert_allclose(result.log_weights[:, i, j].numpy(), expected, atol=1e-10)
            assert result.k_hat[i, j].item() == pytest.approx(k, abs=1e-12)
    moved = psis(log_weights.movedim(0, 1), dim=1)
    torch.testing.assert_close(moved.log_weights.movedim(1, 0), result.log_weights)
    torch.testing.assert_close(moved.k_hat, result.k_hat)


def test_smoothing_keeps_order_and_the_body() -> None:
    torch.manual_seed(1)
    raw = dist.StudentT(2.0).sample((1000,))
    smooth = psis(raw).log_weights
    assert torch.equal(smooth.sort().indices, raw.sort().indices)
    body = raw.sort().indices[: -tail_length(1000)]
    shift = (smooth - raw)[body]
    assert (shift - shift[0]).abs().max() < 1e-5
    assert smooth.logsumexp(0).abs() < 1e-5


@pytest.mark.parametrize("k", [0.2, 0.5, 0.8])
def test_k_hat_of_pareto_weights(k: float) -> None:
    """The tail of Pareto weights is exact. Errors have deviation about (1 + k) / sqrt(tail), 0.05
    to 0.1 before shrinking; the mean of 20 is within 0.06 but for one seed in a thousand."""
    torch.manual_seed(2)
    k_hat = psis(dist.Pareto(1.0, 1 / k).sample((10_000, 20)).log()).k_hat
    shrunk = (k * 300 + 5) / 310
    assert abs(k_hat.mean().item() - shrunk) < 0.06


def test_smoothing_improves_an_average() -> None:
    """The second moment of N(0, 1) from draws of N(1, 0.7), whose weights have no variance:
    smoothing halves the squared error, and lowered it for each of 30 seeds."""
    torch.manual_seed(3)
    proposal = dist.Normal(1.0, 0.7)
    x = proposal.sample((200, 400))
    log_weights = dist.Normal(0.0, 1.0).log_prob(x) - proposal.log_prob(x)

    def error(weights: Tensor) -> float:
        return float(((weights * x**2).sum(0) - 1).square().mean())

    assert error(psis(log_weights).log_weights.exp()) < error(log_weights.softmax(0))


def test_extremes() -> None:
    equal = psis(torch.zeros(100) + 1e-7 * torch.randn(100))
    assert equal.k_hat == -math.inf
    torch.testing.assert_close(equal.log_weights.exp(), torch.full((100,), 0.01))
    assert psis(torch.randn(20)).k_hat == math.inf  # four weights are no tail
    assert psis(torch.randn(21)).k_hat < math.inf
    bad = torch.randn(100, 3)
    bad[0, 0], bad[0, 1] = math.nan, math.inf
    assert psis(bad).k_hat.isinf().tolist() == [True, True, False]
    some = torch.randn(100)
    some[:10] = -math.inf  # draws outside of the support of the target
    result = psis(some)
    assert result.k_hat < 1 and (result.log_weights[:10] == -math.inf).all()
    assert k_threshold(1000) == pytest.approx(2 / 3)
    assert tail_length(2000, r_eff=0.5) == math.ceil(3 * math.sqrt(4000))
    for log_weights, r_eff in [(torch.zeros(0), 1.0), (torch.zeros(30), 0.0)]:
        with pytest.raises(ValueError, match=r"psis needs draws and a positive r_eff, but got"):
            psis(log_weights, r_eff=r_eff)
