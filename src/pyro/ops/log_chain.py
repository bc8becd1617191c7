"""A chain of states summed out step by step, in the logarithm."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

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
    found = [start]
    for factor in factors:
        found.append((found[-1].unsqueeze(-1) + factor).logsumexp(0))
    return torch.stack(found)


def _backward(sums: Tensor, factors: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of the factors, from the last to the first, and of the start."""
    after = sums[1:].masked_fill(sums[1:] == -torch.inf, 0.0)
    shares = (sums[:-1].unsqueeze(-1) + factors - after.unsqueeze(-2)).exp()
    found = torch.empty_like(factors)
    for t in range(len(factors) - 1, -1, -1):
        found[t] = shares[t] * grad
        grad = found[t].sum(-1)
    return grad, found


_LIBRARY.impl("log_chain", _sums, "CompositeExplicitAutograd")
_LIBRARY.impl("log_chain_backward", _backward, "CompositeExplicitAutograd")
