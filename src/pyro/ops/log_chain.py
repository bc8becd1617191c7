"""A chain of states summed out step by step, in the logarithm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor

LONG = 64
"""Steps from which on blocks of them are made at once."""

SMALL = 10
"""States up to which products of matrices take less than single operations."""

_LIBRARY = torch.library.Library("pyro", "DEF")
_LIBRARY.define("log_chain(Tensor start, Tensor factors) -> Tensor")
_LIBRARY.define("log_chain_backward(Tensor sums, Tensor factors, Tensor grad) -> (Tensor, Tensor)")


def log_chain(start: Tensor, factors: Tensor) -> Tensor:
    r""":math:`a_{t+1, j} = \log \sum_i \exp(a_{t, i} + f_{t, i, j})`, the last :math:`a`.

    The forward algorithm of a hidden Markov model (Rabiner 1989, *A Tutorial on Hidden Markov
    Models*, section III.A). In torch it is a loop, and slow; the compiler makes one loop of it.

    :param start: :math:`a_0`, of shape ``(k,)``.
    :param factors: :math:`f`, of shape ``(steps, k, k)``.
    :return: Of shape ``(k,)``.

    Example::

        >>> from pyro.ops.log_chain import log_chain
        >>> log_chain(torch.zeros(2), torch.zeros(3, 2, 2)).exp()  # paths to each of two states
        tensor([8., 8.])
    """
    found: Tensor = _LogChain.apply(start, factors)  # type: ignore[no-untyped-call]
    return found


@final
class _LogChain(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, start: Tensor, factors: Tensor) -> Tensor:
        sums: Tensor = torch.ops.pyro.log_chain(start, factors)
        ctx.save_for_backward(sums, factors)
        return sums[-1].clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        sums, factors = ctx.saved_tensors
        found: tuple[Tensor, Tensor] = torch.ops.pyro.log_chain_backward(sums, factors, grad)
        return found


def _sums(start: Tensor, factors: Tensor) -> Tensor:
    """All :math:`a`, of shape ``(steps + 1, k)``."""
    if len(factors) >= LONG and len(start) <= SMALL:
        return _in_blocks(start, factors, _log_matmul)
    found = [start]
    for factor in factors:
        found.append((found[-1].unsqueeze(-1) + factor).logsumexp(0))
    return torch.stack(found)


def _backward(sums: Tensor, factors: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of the factors, from the last to the first, and of the start."""
    after = sums[1:].masked_fill(sums[1:] == -torch.inf, 0.0)
    shares = (sums[:-1].unsqueeze(-1) + factors - after.unsqueeze(-2)).exp()
    if len(factors) >= LONG and len(grad) <= SMALL:
        grads = _in_blocks(grad, shares.flip(0).mT, torch.matmul).flip(0)
        return grads[0].clone(), shares * grads[1:].unsqueeze(-2)
    found = torch.empty_like(factors)
    for t in range(len(factors) - 1, -1, -1):
        found[t] = shares[t] * grad
        grad = found[t].sum(-1)
    return grad, found


def _log_matmul(a: Tensor, b: Tensor) -> Tensor:
    return (a.unsqueeze(-1) + b.unsqueeze(-3)).logsumexp(-2)


def _in_blocks(
    start: Tensor, factors: Tensor, matmul: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """``start`` and its products with the first factors, with the first two, and so on.

    Those with the factors of each block are made for all blocks at once, so that there are only
    as many operations as a block is long, and as there are blocks.
    """
    steps, k = factors.shape[:2]
    length = math.isqrt(steps)
    count = -(-steps // length)
    ragged = factors.new_zeros(count * length - steps, k, k)
    blocks = torch.cat([factors, ragged]).reshape(count, length, k, k)
    products = [blocks[:, 0]]
    for t in range(1, length):
        products.append(matmul(products[-1], blocks[:, t]))
    begin = [start.unsqueeze(0)]
    for product in products[-1][:-1]:
        begin.append(matmul(begin[-1], product))
    found = matmul(torch.stack(begin).unsqueeze(1), torch.stack(products, 1))
    return torch.cat([start.unsqueeze(0), found.reshape(-1, k)[:steps]])


_LIBRARY.impl("log_chain", _sums, "CompositeExplicitAutograd")
_LIBRARY.impl("log_chain_backward", _backward, "CompositeExplicitAutograd")
