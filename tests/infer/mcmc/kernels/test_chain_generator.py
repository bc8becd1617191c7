"""Numbers look random, and depend on seed, chain and time alone."""

from __future__ import annotations

import torch
from scipy import stats

from pyro.infer.mcmc.kernels import ChainGenerator


def test_uniform_and_normal() -> None:
    # each test fails by chance with probability 1e-4
    generator = ChainGenerator(11, torch.arange(200))
    rows = torch.stack([generator.log_uniform(3) for _ in range(100)]).exp()
    assert stats.kstest(rows.flatten().numpy(), "uniform").pvalue > 1e-4
    for a, b in ((rows[:-1], rows[1:]), (rows[:, 0], rows[:, 1]), (rows[..., :-1], rows[..., 1:])):
        found = stats.pearsonr(a.flatten().numpy(), b.flatten().numpy())
        assert found.pvalue > 1e-4
    z = generator.normal(torch.arange(200), 100)
    assert stats.kstest(z.flatten().numpy(), "norm").pvalue > 1e-4
    assert stats.pearsonr(z[:, 1:].flatten().numpy(), z[:, :-1].flatten().numpy()).pvalue > 1e-4
    assert stats.pearsonr(z[1:].flatten().numpy(), z[:-1].flatten().numpy()).pvalue > 1e-4


def test_depends_on_chain_and_time_only() -> None:
    many = ChainGenerator(2**70 + 5, torch.arange(1000))
    some = ChainGenerator(2**70 + 5, torch.tensor([998, 3]))
    rows = torch.tensor([998, 3])
    for _ in range(150):  # more than a block of the many
        assert torch.equal(many.log_uniform(3)[:, rows], some.log_uniform(3))
        assert torch.equal(many.normal(rows, 4), some.normal(torch.arange(2), 4))
    later = many.select(rows)
    assert torch.equal(later.time, torch.tensor([150, 150]))
    assert torch.equal(later.normal(torch.arange(2), 4), some.normal(torch.arange(2), 4))
    assert torch.equal(later.present(3), some.present(3))
    assert torch.equal(later.log_uniform(3), some.log_uniform(3))


def test_seeds_differ() -> None:
    rows = [ChainGenerator(seed, torch.arange(50)).log_uniform(1) for seed in (0, 1, 2**64, -1)]
    assert len({float(row[0, 0]) for row in rows}) == 4
