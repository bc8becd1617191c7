"""Distributions over perfect matchings."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import pyro.distributions as dist

FAMILIES = [(dist.OneOneMatching, 1), (dist.OneTwoMatching, 2)]
families = pytest.mark.parametrize(("family", "capacity"), FAMILIES)


@families
def test_normaliser_is_the_sum_over_all_matchings(family: Any, capacity: int) -> None:
    torch.manual_seed(0)
    logits = torch.randn(4 * capacity, 4, dtype=torch.float64, requires_grad=True)
    d = family(logits)
    values = d.enumerate_support()
    assert len({tuple(v) for v in values.tolist()}) == len(values)
    assert d.support.check(values).all()
    chosen = logits[torch.arange(4 * capacity), values].sum(-1)
    torch.testing.assert_close(d.log_partition(), chosen.logsumexp(0))
    assert torch.autograd.gradcheck(lambda x: family(x).log_prob(values[:2]), (logits,))


@families
def test_frequencies(family: Any, capacity: int) -> None:
    """A correct sampler fails with probability 1e-5, at a fixed seed."""
    torch.manual_seed(1)
    d = family(torch.randn(2, 2 * capacity, 2) / 2)
    x = d.sample((4000,))
    assert d.support.check(x).all()
    values = d.enumerate_support()
    seen = (x.unsqueeze(1) == values).all(-1).double().mean(0)
    mass = d.log_prob(values).exp()
    assert ((seen - mass).abs() < 5.2 * (mass * (1 - mass) / 4000).sqrt()).all()


@families
def test_belief_propagation_is_close(family: Any, capacity: int) -> None:
    torch.manual_seed(2)
    logits = torch.randn(5 * capacity, 5)
    exact, bethe = family(logits).log_partition(), family(logits, bp_iters=50).log_partition()
    assert (bethe - exact).abs() < 0.3 * 5
    # where one matching dominates, both agree
    sharp = 30 * torch.eye(5).repeat_interleave(capacity, 0)
    close = family(sharp, bp_iters=50).log_partition()
    torch.testing.assert_close(close, family(sharp).log_partition(), rtol=1e-4, atol=1e-4)


@families
def test_the_gradient_of_belief_propagation_is_that_of_the_free_energy(
    family: Any, capacity: int
) -> None:
    torch.manual_seed(3)
    logits = torch.randn(2, 4 * capacity, 4, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda x: family(x, bp_iters=200).log_partition(), (logits,))


def test_belief_propagation_is_fast_for_many() -> None:
    """The cost is linear in the number of logits: all pairs of them would not fit in memory."""
    logits = torch.zeros(400, 200)
    assert dist.OneTwoMatching(logits, bp_iters=20).log_partition().isfinite()


@families
def test_belief_propagation_of_a_single_destination(family: Any, capacity: int) -> None:
    logits = torch.randn(capacity, 1)
    assert family(logits, bp_iters=2).log_partition() == logits.sum()


@families
def test_what_does_not_fit(family: Any, capacity: int) -> None:
    with pytest.raises(ValueError, match="logits of shape"):
        family(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="bp_iters"):
        family(torch.zeros(30 * capacity, 30)).log_partition()
    with pytest.raises(ValueError, match="support"):
        family(torch.zeros(2 * capacity, 2)).log_prob(torch.zeros(2 * capacity))
