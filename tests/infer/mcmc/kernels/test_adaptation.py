"""What a warm-up learns, against what is known."""

from __future__ import annotations

import pytest
import torch

from pyro.infer.mcmc.kernels import chees, dual_averaging, warmup, welford
from pyro.infer.mcmc.kernels.finished import Finished
from pyro.infer.mcmc.kernels.mass_estimate import (
    fisher_dense,
    fisher_diagonal,
    stan_dense,
    stan_diagonal,
)


@pytest.mark.parametrize("dense", [False, True])
def test_moments(dense: bool) -> None:
    rows = torch.randn(6, 40, 3, dtype=torch.double) * 3 + 1000
    pooled = welford.init(3, None, dense, rows.device)
    own = welford.init(3, 40, dense, rows.device)
    for row in rows:
        order = torch.randperm(40)
        for part in (order[:7], order[7:]):
            pooled = welford.add(pooled, part, row[part])
            own = welford.add(own, part, row[part])
    expected = torch.cov(rows.flatten(0, 1).T)
    each = torch.stack([torch.cov(rows[:, chain].T) for chain in range(40)])
    if not dense:
        expected, each = expected.diagonal(), each.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(welford.covariance(pooled), expected)
    torch.testing.assert_close(welford.covariance(own), each)


def _moments(rows: torch.Tensor, dense: bool) -> welford.Moments:
    empty = welford.init(rows.shape[-1], None, dense, rows.device)
    return welford.add(empty, torch.arange(len(rows)), rows)


def test_fisher_is_exact_wherever_draws_come_from() -> None:
    scales = torch.logspace(-3, 3, 5, dtype=torch.double)
    draws = torch.rand(30, 5, dtype=torch.double)  # not from the density at all
    found = fisher_diagonal(_moments(draws, False), _moments(-draws / scales**2, False))
    torch.testing.assert_close(found.scale, scales)


def test_dense_estimates() -> None:
    factor = torch.tensor([[1.0, 0, 0], [0.9, 0.4, 0], [5.0, -3.0, 10.0]], dtype=torch.double)
    covariance = factor @ factor.T
    draws = torch.randn(20000, 3, dtype=torch.double) @ factor.T
    gradients = -draws @ covariance.inverse()
    # sampling errors are below 1 %, the tolerance is five of them
    for metric in (
        fisher_dense(_moments(draws, True), _moments(gradients, True), None),
        stan_dense(_moments(draws, True), None),
    ):
        found = metric.factor @ metric.factor.T
        scale = covariance.diagonal().sqrt()
        error = (found - covariance) / scale / scale[:, None]
        assert error.abs().max() < 0.05
    blocks = fisher_dense(_moments(draws, True), _moments(gradients, True), [[0, 1]])
    inner = blocks.factor @ blocks.factor.T
    assert inner[2, :2].abs().max() == 0
    assert inner[0, 1] > 0.5


def test_hopeless_moments_give_a_usable_metric() -> None:
    draws = torch.zeros(10, 2, dtype=torch.double)
    gradients = torch.full((10, 2), torch.nan, dtype=torch.double)
    assert fisher_diagonal(_moments(draws, False), _moments(gradients, False)).scale.eq(1).all()
    dense = fisher_dense(_moments(draws, True), _moments(gradients, True), None).factor
    torch.testing.assert_close(dense, torch.eye(2, dtype=torch.double))
    assert stan_diagonal(_moments(draws, False)).scale.isfinite().all()


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("rule", ["fisher", "stan"])
@pytest.mark.parametrize("length", [0, 1, 19, 20, 50, 149, 150, 1000, 1001])
def test_windows_fill_the_warm_up(length: int, rule: warmup.Rule, pooled: bool) -> None:
    windows = warmup.schedule(length, rule, pooled, True)
    assert sum(window.length for window in windows) == length
    assert all(window.length > 0 for window in windows)
    assert not windows or not windows[-1].metric
    assert any(window.metric for window in windows) == (length >= 20)


def test_stan_windows() -> None:
    lengths = [window.length for window in warmup.schedule(1000, "stan", False, True)]
    assert lengths == [75, 25, 50, 100, 200, 500, 50]


def test_dual_averaging_finds_the_rate() -> None:
    # acceptance exp(-eps^2): 0.8 at eps = sqrt(-log 0.8)
    state = dual_averaging.init(torch.tensor([0.01, 10.0]), 10.0)
    for _ in range(2000):
        rate = torch.exp(-(state.log_step.exp() ** 2))
        state = dual_averaging.update(state, torch.arange(2), rate, 0.8)
    expected = torch.full((2,), -torch.log(torch.tensor(0.8)).item(), dtype=torch.double).sqrt()
    torch.testing.assert_close(state.log_average.exp(), expected, atol=0.02, rtol=0)


def test_jitter_fills_the_interval() -> None:
    parts = torch.tensor([chees.jitter(i) for i in range(1023)])
    assert parts[:3].tolist() == [0.5, 0.25, 0.75]
    torch.testing.assert_close(parts.sort().values, torch.arange(1, 1024) / 1024)


def _finished(rates: list[float], step: float) -> Finished:
    statistics = torch.zeros(7, len(rates), dtype=torch.double)
    statistics[2], statistics[3] = torch.tensor(rates), step
    rows, nothing = torch.arange(len(rates)), torch.zeros(len(rates), 1)
    return Finished(rows, nothing, nothing, statistics, nothing)


def test_pooled_chains_are_heard_once_each() -> None:
    """Chains that are rejected quickly, again and again, do not outweigh those that take long."""
    steps = torch.full((10,), 0.5, dtype=torch.double)
    lesson = warmup.begin(steps, 1, pooled=True, metric=False, dense=False, ambition=1.0)
    for _ in range(50):
        lesson = warmup.learn(lesson, torch.tensor([3]), _finished([0.0], 0.5), 0.8, steps)
    assert lesson.steps.updates.item() == 0
    others = torch.tensor([0, 1, 2, 4, 5, 6, 7, 8])
    stale = warmup.learn(lesson, others, _finished([0.9] * 8, 0.4), 0.8, steps)
    assert stale.steps.updates.item() == 0
    lesson = warmup.learn(lesson, others, _finished([0.9] * 8, 0.5), 0.8, steps)
    assert lesson.steps.updates.item() == 1
    assert lesson.heard.isnan().all()
    # the mean rate, (8 * 0.9 + 0) / 9, is 0.8: nothing is to be changed
    torch.testing.assert_close(lesson.steps.log_step.exp(), steps[:1])
