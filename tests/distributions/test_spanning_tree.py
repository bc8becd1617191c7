"""Random spanning trees."""

from __future__ import annotations

import pytest
import torch

import pyro.distributions as dist


@pytest.mark.parametrize("vertices", [2, 3, 4, 5])
def test_against_enumeration(vertices: int) -> None:
    torch.manual_seed(vertices)
    edges = vertices * (vertices - 1) // 2
    d = dist.SpanningTree(torch.randn(edges, dtype=torch.float64))
    trees = d.enumerate_support()
    assert len({str(t) for t in trees.tolist()}) == vertices ** (vertices - 2)
    assert d.support.check(trees).all()
    mass = d.log_prob(trees).exp()
    torch.testing.assert_close(mass.sum(), torch.ones((), dtype=torch.float64))
    assert torch.equal(d.mode, trees[mass.argmax()])
    expected = torch.zeros(vertices, vertices, dtype=torch.float64)
    for tree, m in zip(trees, mass, strict=True):
        for a, b in tree.tolist():
            expected[a, b] += m
            expected[b, a] += m
    torch.testing.assert_close(d.edge_mean, expected)


def test_frequencies() -> None:
    """A correct sampler fails with probability 1e-5, at a fixed seed."""
    torch.manual_seed(1)
    d = dist.SpanningTree(torch.randn(6))
    trees = d.enumerate_support()
    x = d.sample((1500,))
    seen = (x.unsqueeze(1) == trees).flatten(-2).all(-1).double().mean(0)
    mass = d.log_prob(trees).exp()
    assert ((seen - mass).abs() < 5.2 * (mass * (1 - mass) / 1500).sqrt() + 1e-3).all()


def test_gradient_is_the_edge_probability() -> None:
    logits = torch.randn(10, dtype=torch.float64, requires_grad=True)
    d = dist.SpanningTree(logits)
    (gradient,) = torch.autograd.grad(d.log_partition_function, logits)
    b, a = torch.tril_indices(5, 5, -1)
    torch.testing.assert_close(gradient, d.edge_mean[a, b].detach())


@pytest.mark.parametrize(
    "edges", [[[0, 1], [0, 1], [2, 3]], [[0, 1], [1, 2], [0, 2]], [[1, 0]] * 3]
)
def test_what_is_no_tree(edges: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="support"):
        dist.SpanningTree(torch.zeros(6)).log_prob(torch.tensor(edges))
    with pytest.raises(ValueError, match="edge_logits"):
        dist.SpanningTree(torch.zeros(5))
