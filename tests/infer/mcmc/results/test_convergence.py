"""Statistics of draws against exact answers, and against numbers computed independently."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pyro.infer.mcmc.results.convergence import (
    bfmi,
    ess_bulk,
    ess_mean,
    ess_tail,
    mcse_mean,
    mcse_sd,
    mixing,
    r_hat,
    split_r_hat,
)

Statistic = Callable[[Tensor], Tensor]
ALL: list[Statistic] = [r_hat, split_r_hat, ess_bulk, ess_tail, ess_mean, mcse_mean, mcse_sd]


def autoregression(rho: float, chains: int, draws: int) -> Tensor:
    """Stationary chains with correlation ``rho ** lag`` and variance one."""
    noise = torch.randn(chains, draws, dtype=torch.float64) * math.sqrt(1 - rho**2)
    x = torch.empty_like(noise)
    x[:, 0] = torch.randn(chains, dtype=torch.float64)
    for t in range(1, draws):
        x[:, t] = rho * x[:, t - 1] + noise[:, t]
    return x


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, -0.5])
def test_effective_size_of_autoregressions(rho: float) -> None:
    """Exact: draws * (1 - rho) / (1 + rho). The estimate's error here is below 5 % (one sd)."""
    x = autoregression(rho, 8, 5000)
    exact = x.numel() * (1 - rho) / (1 + rho)
    for ess in (ess_bulk, ess_mean):
        assert float(ess(x)) == pytest.approx(exact, rel=0.25)


def test_r_hat_of_agreeing_and_disagreeing_chains() -> None:
    x = torch.randn(4, 1000)
    shifted = x + torch.arange(4.0)[:, None]
    wide = x * torch.tensor([1.0, 1.0, 1.0, 4.0])[:, None]
    drift = x + torch.linspace(0, 3, 1000)
    assert r_hat(x) < 1.01
    assert r_hat(shifted) > 1.4
    assert r_hat(wide) > 1.1  # by folding: the means agree
    assert split_r_hat(wide) < 1.05
    assert r_hat(drift) > 1.2  # by splitting


def test_ranks_make_it_invariant_to_monotone_maps() -> None:
    x = torch.randn(4, 500, dtype=torch.float64)
    torch.testing.assert_close(ess_bulk(x), ess_bulk(x.exp()))
    torch.testing.assert_close(ess_tail(x), ess_tail(x.exp()), rtol=0.02, atol=0)


def test_heavy_tails_do_not_break_it() -> None:
    x = torch.distributions.Cauchy(0.0, 1.0).sample((4, 2000))
    assert r_hat(x) < 1.02
    assert 4000 < ess_bulk(x) < 12000


def test_ties_share_their_rank() -> None:
    x = torch.randn(4, 200, dtype=torch.float64).repeat_interleave(5, 1)
    assert 500 < ess_bulk(x) < 1300  # a fifth of 4000


def test_error_of_the_mean_and_the_sd() -> None:
    """By repetition: 200 sets of independent draws; the sd of 200 values has an error of 5 %."""
    sets = torch.randn(200, 4, 250, dtype=torch.float64)
    means, sds = sets.flatten(1).mean(1), sets.flatten(1).std(1)
    claimed = torch.stack([mcse_mean(x) for x in sets]).mean()
    assert float(claimed) == pytest.approx(float(means.std()), rel=0.25)
    claimed = torch.stack([mcse_sd(x) for x in sets]).mean()
    assert float(claimed) == pytest.approx(float(sds.std()), rel=0.25)


def test_energy_that_mixes_slowly() -> None:
    fast, slow = torch.randn(1, 2000), 0.05 * torch.randn(1, 2000).cumsum(1)
    values = bfmi(torch.cat([fast, slow]))
    assert values[0] > 1.5
    assert values[1] < 0.1


@pytest.mark.parametrize("statistic", ALL)
def test_shapes(statistic: Statistic) -> None:
    x = torch.randn(3, 40, 2, 5)
    whole = statistic(x)
    assert whole.shape == (2, 5)
    assert whole.dtype == torch.float64
    torch.testing.assert_close(whole[1, 2], statistic(x[:, :, 1, 2]))
    assert statistic(torch.randn(3, 40, 0)).shape == (0,)


@pytest.mark.parametrize("statistic", [r_hat, ess_bulk, ess_tail])
def test_what_is_undefined_is_nan(statistic: Statistic) -> None:
    assert statistic(torch.randn(2, 3)).isnan()
    assert statistic(torch.ones(2, 100)).isnan()


@pytest.mark.parametrize("draws", [3, 100, 101])
def test_all_by_one_sort(draws: int) -> None:
    x = torch.randn(4, draws, 2, 3).round(decimals=1)
    one_by_one = {"n_eff": ess_bulk, "n_eff_tail": ess_tail, "r_hat": r_hat, "mcse": mcse_mean}
    expected = {name: statistic(x) for name, statistic in one_by_one.items()}
    torch.testing.assert_close(mixing(x), expected, equal_nan=True, rtol=0, atol=0)
