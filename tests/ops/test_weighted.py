"""Quantiles and resampling of weighted draws."""

from __future__ import annotations

import pytest
import torch

from pyro.ops.weighted import systematic_resample, weighted_quantile

PROBS = [0.05, 0.3, 0.5, 0.95]


def test_equal_weights_give_ordinary_quantiles() -> None:
    values = torch.randn(200, 3, dtype=torch.float64)
    got = weighted_quantile(values, torch.full((200,), 1 / 200).log(), PROBS)
    hazen = torch.stack([_hazen(values, prob) for prob in PROBS])
    torch.testing.assert_close(got, hazen, rtol=1e-5, atol=1e-5)


def _hazen(values: torch.Tensor, prob: float) -> torch.Tensor:
    at = len(values) * prob - 0.5
    low = int(at)
    ordered = values.sort(0).values
    return ordered[low].lerp(ordered[low + 1], at - low)


def test_weights_count_as_copies() -> None:
    """In the limit of many draws, where what lies between them does not matter."""
    values = torch.randn(1000)
    copies = torch.randint(0, 4, (1000,))
    weights = (copies / copies.sum()).log()
    got = weighted_quantile(values, weights, PROBS)
    plain = values.repeat_interleave(copies).quantile(torch.tensor(PROBS))
    torch.testing.assert_close(got, plain, rtol=0, atol=0.02)


@pytest.mark.parametrize("shape", [(1,), (1, 2), (5,), (5, 0)])
def test_few_draws_and_integers(shape: tuple[int, ...]) -> None:
    values = torch.arange(torch.Size(shape).numel()).reshape(shape)
    weights = torch.zeros(shape[0]).log_softmax(0)
    got = weighted_quantile(values, weights, [0.0, 0.5, 1.0])
    assert got.shape == (3, *shape[1:])
    if values.numel():
        torch.testing.assert_close(got[0], values[0].float())
        torch.testing.assert_close(got[-1], values[-1].float())


def test_systematic_resampling() -> None:
    weights = torch.randn(50).log_softmax(0)
    weights[[3, 49]] = -torch.inf
    weights = weights.log_softmax(0)
    counts = systematic_resample(weights, 2000).bincount(minlength=50)
    expected = 2000 * weights.exp()
    assert bool(((counts - expected).abs() < 1.0 + 1e-3).all())
    assert counts[3] == counts[49] == 0
    assert not bool((systematic_resample(weights, 100).diff() >= 0).all())  # in random order
