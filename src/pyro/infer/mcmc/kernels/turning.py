"""The generalised no-U-turn criterion, for trajectories that are made of two halves."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


def turned(
    first: Tensor, end: Tensor, start: Tensor, last: Tensor, left: Tensor, right: Tensor
) -> Tensor:
    r"""Whether trajectories turn around, of shape ``(n,)``; nan counts as turning.

    A trajectory goes on while :math:`\rho\cdot p > 0` at both ends, where :math:`\rho` is the sum
    of its (whitened) momenta. The same is asked of the left half with the first point of the right
    one, and of the right half with the last point of the left one: without that, steps near half
    a period of an oscillation go unnoticed.

    :param first: Momenta at the beginning of the left halves, ``(n, dim)``.
    :param end: At the end of the left halves.
    :param start: At the beginning of the right halves.
    :param last: At the end of the right halves.
    :param left: Sums of the momenta of the left halves.
    :param right: Sums of the momenta of the right halves.

    Betancourt (2013), *Generalizing the No-U-Turn Sampler to Riemannian Manifolds*, and Betancourt
    (2017), *A Conceptual Introduction to Hamiltonian Monte Carlo*, appendix A.4.
    """
    whole, over_left, over_right = left + right, left + start, right + end
    sums = torch.stack((whole, whole, over_left, over_left, over_right, over_right))
    ends = torch.stack((first, last, first, start, end, last))
    onward: Tensor = (torch.linalg.vecdot(sums, ends) > 0).all(0)
    return onward.logical_not_()


@lru_cache(maxsize=8)
def leaf_tables(depth: int, device: torch.device) -> Tensor:
    """Of each leaf of a subtree below ``depth``: the ones in its number, and those at its end.

    Of shape ``(2, 2 ** (depth - 1))``.
    """
    leaf = torch.arange(2 ** max(depth - 1, 0), device=device)
    bits = (leaf[:, None] >> torch.arange(depth, device=device)) & 1
    return torch.stack((bits.sum(1), bits.cumprod(1).sum(1)))
