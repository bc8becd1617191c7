"""Quantiles and ranks from one sort, against SciPy and torch."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import norm, rankdata

from pyro.infer.mcmc.results.ordered import Ordered


@pytest.mark.parametrize("distinct", [1, 3, 40, 10_000])
def test_scores_are_those_of_mean_ranks(distinct: int) -> None:
    draws = torch.randint(distinct, (5, 3, 50)).double()
    ranks = torch.from_numpy(rankdata(draws.flatten(1), axis=1))
    expected = torch.from_numpy(norm.ppf((ranks - 0.375) / (150 + 0.25))).reshape(5, 3, 50)
    torch.testing.assert_close(Ordered(draws).normal_scores(), expected)


def test_scores_without_ties() -> None:
    draws = torch.randperm(60).double().reshape(1, 2, 30)
    expected = torch.from_numpy(norm.ppf((draws.numpy() + 0.625) / 60.25))
    torch.testing.assert_close(Ordered(draws).normal_scores(), expected)


def test_quantiles() -> None:
    draws = torch.randn(4, 2, 33, dtype=torch.double)
    levels = [0.0, 0.05, 0.5, 0.95, 1.0]
    expected = torch.quantile(draws.flatten(1), torch.tensor(levels).double(), dim=1)
    torch.testing.assert_close(Ordered(draws).quantiles(levels), expected)
