"""Sums over all ways of assigning sources to destinations of a fixed capacity.

A source goes to exactly one destination, a destination takes exactly ``capacity`` sources.  The sum
over assignments of the product of their weights (a permanent, where the capacity is 1) is
accumulated source by source over the loads that the destinations may have so far.
"""

from __future__ import annotations

import functools
import itertools
import math

import torch
from torch import Tensor

from pyro.errors import ShapeError

MAX_STATES = 200_000

Level = tuple[Tensor, Tensor, Tensor]


@functools.lru_cache(maxsize=32)
def _levels(destinations: int, capacity: int) -> list[Level]:
    """For each source: the loads that may precede each load, the destination filled, and a mask.

    :raises ShapeError: if there are too many loads.
    """
    if (capacity + 1) ** destinations > MAX_STATES:
        raise ShapeError(
            f"exact sums over matchings to {destinations} destinations are out of reach; "
            "set bp_iters (for example 10) for an approximation"
        )
    by_total: list[list[tuple[int, ...]]] = [[] for _ in range(capacity * destinations + 1)]
    for load in itertools.product(range(capacity + 1), repeat=destinations):
        by_total[sum(load)].append(load)
    levels = []
    for before, after in itertools.pairwise(by_total):
        position = {load: i for i, load in enumerate(before)}
        width = max(sum(n > 0 for n in load) for load in after)
        rows = []
        for load in after:
            row = [
                (position[load[:j] + (n - 1,) + load[j + 1 :]], j, 0.0)
                for j, n in enumerate(load)
                if n > 0
            ]
            rows.append(row + [(0, 0, -math.inf)] * (width - len(row)))
        table = torch.tensor(rows, dtype=torch.float64)
        levels.append((table[..., 0].long(), table[..., 1].long(), table[..., 2]))
    return levels


def _steps(logits: Tensor, capacity: int) -> list[Tensor]:
    """Log weights of all last moves into each load, source by source.

    The entry ``i`` has the shape ``batch + (loads, moves)``; its ``logsumexp`` over moves is the
    log weight of the load after source ``i``.
    """
    alpha = logits.new_zeros(logits.shape[:-2] + (1,))
    steps = []
    for i, (before, column, pad) in enumerate(_levels(logits.shape[-1], capacity)):
        moves = alpha[..., before] + logits[..., i, :][..., column] + pad.to(logits)
        steps.append(moves)
        alpha = moves.logsumexp(-1)
    return steps


def log_matchings(logits: Tensor, capacity: int) -> Tensor:
    """The log of the sum over matchings of the exponential of the sum of their logits.

    :param logits: Shape ``batch + (capacity * destinations, destinations)``.

    Example::

        >>> log_matchings(torch.zeros(3, 3), 1).exp()  # 3!
        tensor(6.)
    """
    return _steps(logits, capacity)[-1].logsumexp(-1)[..., 0]


def sample_matchings(logits: Tensor, capacity: int) -> Tensor:
    """One exact draw per batch entry: the destination of each source, shape ``batch + (sources,)``.

    The moves are drawn backwards from the last source, given the load that they led to.
    """
    batch = logits.shape[:-2]
    load = torch.zeros(batch, dtype=torch.long, device=logits.device)
    drawn = []
    levels = _levels(logits.shape[-1], capacity)
    for moves, (before, column, _) in zip(
        reversed(_steps(logits, capacity)), reversed(levels), strict=True
    ):
        index = load[..., None, None].expand(*batch, 1, moves.shape[-1])
        here = moves.gather(-2, index).squeeze(-2)
        move = torch.distributions.Categorical(logits=here).sample()
        drawn.append(column[load, move])
        load = before[load, move]
    return torch.stack(drawn[::-1], -1)


def log_matchings_bethe(logits: Tensor, capacity: int, iterations: int) -> Tensor:
    """The Bethe approximation of :func:`log_matchings`, by belief propagation.

    Huang and Jebara (2009), *Approximating the Permanent with Belief Propagation*; Yedidia, Freeman
    and Weiss (2005) for the free energy.  This is stationary where the messages have converged, so
    its gradient, the approximate marginals, is taken with the messages held.  The cost of an
    iteration is linear in the number of logits.

    :param iterations: How many at most; none is made once the messages stay as they are.
    """
    if logits.shape[-1] < 2:
        return logits.sum((-2, -1))
    with torch.no_grad():
        from_row, from_column = _messages(logits, capacity, iterations)
    rows = (logits + from_column).logsumexp(-1).sum(-1)
    columns = _log_symmetric((logits + from_row).mT, capacity).sum(-1)
    edges = torch.nn.functional.softplus(logits + from_row + from_column).sum((-2, -1))
    return rows + columns - edges


def _messages(logits: Tensor, capacity: int, iterations: int) -> tuple[Tensor, Tensor]:
    """The messages that rows and columns send along each edge."""
    reply = _reply_of_one if capacity == 1 else _reply_of_two
    tolerance = 64 * torch.finfo(logits.dtype).eps
    from_row, from_column = logits, torch.zeros_like(logits)
    for _ in range(iterations):
        before = from_row
        from_row = _reply_of_one(logits + from_column)
        change = (from_row - before).abs()
        if (change <= tolerance * (1 + before.abs())).all():
            break
        from_column = reply((logits + from_row).mT).mT
    return from_row, from_column


def _reply_of_one(x: Tensor) -> Tensor:
    """Minus the log of the sum of ``exp(x)`` over a row but one entry, for each one."""
    return -_log_others(x)


def _reply_of_two(x: Tensor) -> Tensor:
    """The log of the sum of ``exp(x)`` less that of the products of pairs, without one entry.

    An entry is taken off the sum over all; the two largest, which may be nearly all of it, are
    treated apart.
    """
    top, at = x.topk(2, -1)
    m1, m2 = top.split(1, -1)
    rest = x.scatter(-1, at, -math.inf)
    one = rest.logsumexp(-1, keepdim=True)
    share = ((2 * rest).logsumexp(-1, keepdim=True) - 2 * one).exp()  # of the squares
    two = 2 * one + ((1 - share).clamp(min=0) / 2).log()
    ones = torch.logaddexp(torch.cat([m2, m1], -1), one)  # without the largest, the second
    twos = torch.logaddexp(torch.cat([m2, m1], -1) + one, two)
    whole_one = torch.logaddexp(m1, ones[..., :1])
    whole_two = torch.logaddexp(m1 + ones[..., :1], twos[..., :1])
    less_one = whole_one + torch.log1p(-(rest - whole_one).exp())
    less_two = whole_two + torch.log1p(-(rest + less_one - whole_two).exp())
    return (less_one - less_two).scatter(-1, at, ones - twos)


def _log_others(x: Tensor) -> Tensor:
    """Log of the sum of ``exp(x)`` over a row but one entry, for each one.

    An entry is taken off the sum over all; for the largest, which may be nearly all of it, the
    others are summed afresh.
    """
    whole = x.logsumexp(-1, keepdim=True)
    at = x.detach().argmax(-1, keepdim=True)
    small = x.scatter(-1, at, -math.inf)
    result = whole + torch.log1p(-(small - whole).exp())
    return result.scatter(-1, at, small.logsumexp(-1, keepdim=True))


def _log_symmetric(x: Tensor, degree: int) -> Tensor:
    """Log of the elementary symmetric polynomial of degree 1 or 2 in ``exp(x)`` over a row."""
    if degree == 1:
        return x.logsumexp(-1)
    return (x + _log_others(x)).logsumexp(-1) - math.log(2)
