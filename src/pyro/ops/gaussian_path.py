"""Paths of the states of a chain of Gaussian kernels, in O(log T) sequential steps."""

from __future__ import annotations

import torch
from torch import Tensor

from pyro.ops.batch_last import cholesky, congruence, matmul, matvec, solve_covariance, transpose
from pyro.ops.gaussian_chain import climb, grow, unified
from pyro.ops.gaussian_kernel import Information, Kernel, State, meet, pull_back


def sample_path(state: State, chain: Kernel) -> Tensor:
    """A differentiable draw of all T + 1 states, given all likelihoods; shape (n, batch, T + 1).

    The last state is drawn first, then the ends of the blocks of the tree, then their midpoints.
    """
    state, chain = unified(state, chain)
    tree = grow(chain)
    states, _ = climb(state, tree)
    ends = [_draw(states[-1].mean, states[-1].cov)]
    for law, block in zip(states[-2::-1], tree.blocks[::-1], strict=True):
        ends.append(_bridge(law, block, ends[-1]))
    path = torch.cat(ends[:-3:-1], -1)
    later = dict(zip(tree.odd, ends[-3::-1], strict=True))
    for number in reversed(range(len(tree.levels))):
        left, right, _ = tree.levels[number]
        law = State(matvec(left.A, path[..., :-1]) + left.b, left.C)
        middle = _bridge(law, right, path[..., 1:])
        inner = torch.stack([path[..., :-1], middle], -1).flatten(-2)
        path = torch.cat([inner, path[..., -1:]], -1)
        if number in later:
            path = torch.cat([path, later[number]], -1)
    return path


def future_information(chain: Kernel) -> Information:
    """What the kernels behind each of the T + 1 states tell about it; the last one learns nothing.

    :return: a vector of shape (n, batch, T + 1) and matrices of shape (n, n, batch, T + 1).
    """
    n, batch, _ = chain.b.shape
    nothing = State(chain.b.new_zeros(n, batch, 1), chain.b.new_zeros(n, n, 1, 1))
    _, chain = unified(nothing, chain)
    tree = grow(chain)
    info = Information(nothing.mean, nothing.cov.expand(n, n, chain.A.shape[2], 1))
    known = [info]
    for block in reversed(tree.blocks):
        known.append(pull_back(block, known[-1]))
    whole = _joined(*known[:-3:-1])
    later = dict(zip(tree.odd, known[-3::-1], strict=True))
    for number in reversed(range(len(tree.levels))):
        right = tree.levels[number].right
        behind = Information(whole.eta[..., 1:], whole.J[..., 1:])
        middle = pull_back(right, behind)
        pairs = [
            torch.cat([torch.stack([x[..., :-1], y], -1).flatten(-2), x[..., -1:]], -1)
            for x, y in zip(whole, middle, strict=True)
        ]
        whole = Information(*pairs)
        if number in later:
            whole = _joined(whole, later[number])
    return whole


def _joined(*parts: Information) -> Information:
    return Information(torch.cat([p.eta for p in parts], -1), torch.cat([p.J for p in parts], -1))


def _bridge(law: State, kernel: Kernel, later: Tensor) -> Tensor:
    """A draw of the earlier state given the later one, by conditioning a joint draw of both."""
    at = meet(law, Information(kernel.eta, kernel.J))
    cov = matmul(at.M, law.cov)
    earlier = _draw(at.mu, cov)
    guess = _draw(matvec(kernel.A, earlier) + kernel.b, kernel.C)
    error = solve_covariance(congruence(kernel.A, cov) + kernel.C, (later - guess)[:, None])[:, 0]
    return earlier + matvec(cov, matvec(transpose(kernel.A), error))


def _draw(mean: Tensor, cov: Tensor) -> Tensor:
    return mean + matvec(cholesky(cov), torch.randn_like(mean))
