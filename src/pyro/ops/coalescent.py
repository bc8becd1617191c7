"""Kingman's coalescent: what its likelihood is made of, and draws."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class CoalescentStatistics(NamedTuple):
    """What the likelihood of coalescent times is made of, for each time bin: shapes (..., bins)."""

    log_pairs: Tensor
    """The sum over coalescences of the logarithm of the number of pairs of lineages."""
    counts: Tensor
    """The number of coalescences."""
    exposure: Tensor
    """The integral over time of the number of pairs of lineages."""

    def log_likelihood(self, rates: Tensor) -> Tensor:
        """For each bin; ``rates`` broadcast with the statistics."""
        return self.log_pairs + self.counts.xlogy(rates) - self.exposure * rates


def coalescent_statistics(
    leaf_times: Tensor, coal_times: Tensor, bins: int = 1
) -> CoalescentStatistics:
    """The statistics for the bins (-inf, 1], [1, 2], …, [bins - 1, inf).

    Back in time, a leaf adds a lineage and a coalescence joins two.  The cost is that of sorting.

    :param leaf_times: Shape (..., n), in any order.
    :param coal_times: Shape (..., n - 1).
    """
    batch = torch.broadcast_shapes(leaf_times.shape[:-1], coal_times.shape[:-1])
    ends = torch.arange(1, bins, dtype=coal_times.dtype, device=coal_times.device)
    parts = [x.expand(*batch, -1) for x in (leaf_times, ends, coal_times)]
    changes = torch.cat([x.new_full(x.shape[-1:], 1 - i) for i, x in enumerate(parts)])
    times, order = torch.cat(parts, -1).sort(dim=-1, descending=True, stable=True)
    change = changes[order]
    joins = (change < 0).to(times.dtype)
    lineages = change.cumsum(-1)
    hazard = (0.5 * lineages * (lineages - 1))[..., :-1] * (times[..., :-1] - times[..., 1:])
    joined = lineages.clamp(min=0)
    log_pairs = torch.where(joins > 0, (0.5 * joined * (joined + 1)).log(), 0)
    if bins == 1:
        return CoalescentStatistics(*(x.sum(-1, True) for x in (log_pairs, joins, hazard)))
    place = bins - 1 - (change == 0).cumsum(-1)
    zeros = times.new_zeros(*batch, bins)
    return CoalescentStatistics(
        zeros.scatter_add(-1, place, log_pairs),
        zeros.scatter_add(-1, place, joins),
        zeros.scatter_add(-1, place[..., :-1], hazard),
    )


def sample_coalescent_times(leaf_times: Tensor, rate: Tensor, sample_shape: torch.Size) -> Tensor:
    """Differentiable draws of coalescent times in ascending order, of shape (..., n - 1).

    Each coalescence waits for a standard exponential amount of hazard.  Between two leaves the
    number of lineages before the j-th coalescence is known, so all of them are tried at once: the
    number of steps is that of different leaf times.

    :param leaf_times: Shape (..., n), in ascending order.
    :param rate: Shape (...).
    """
    leaves = leaf_times.flip(-1)
    count = leaves.shape[-1]
    hazard = torch.empty(
        sample_shape + leaves.shape[:-1] + (count - 1,), dtype=leaves.dtype, device=leaves.device
    ).exponential_()
    times = torch.zeros_like(hazard)
    waiting = torch.ones_like(hazard, dtype=torch.bool)
    number = torch.arange(count + 1.0, dtype=leaves.dtype, device=leaves.device)
    pairs = rate.unsqueeze(-1) * (0.5 * number * (number - 1)).flip(0)[:-2]
    for i in _last_of_each_time(leaves):
        speed = pairs[..., count - 1 - i :]
        start = leaves[..., i, None]
        waits = (hazard[..., :i] / speed).cumsum(-1)
        gap = start - leaves[..., i + 1, None] if i + 1 < count else torch.inf
        falls = waiting[..., :i] & (waits < gap)
        times = _with_head(torch.where(falls, start - waits, times[..., :i]), times)
        if i + 1 < count:
            waiting = _with_head(waiting[..., :i] & ~falls, waiting)
            left = torch.minimum(hazard[..., :i], (waits - gap) * speed)
            hazard = _with_head(torch.where(waiting[..., :i], left, 0), hazard)
    return times.flip(-1)


def _last_of_each_time(leaves: Tensor) -> list[int]:
    """Positions in descending times, from 1, after which the time changes in any batch entry."""
    last = leaves.shape[-1] - 1
    if not last:
        return []
    changes = (leaves[..., 1:-1] != leaves[..., 2:]).unsqueeze(0).flatten(0, -2).any(0)
    return [*(changes.nonzero().flatten() + 1).tolist(), last]


def _with_head(head: Tensor, whole: Tensor) -> Tensor:
    size = head.shape[-1]
    return head if size == whole.shape[-1] else torch.cat([head, whole[..., size:]], -1)


def cumulative_rate(rates: Tensor, times: Tensor) -> Tensor:
    """The integral from 0 to ``times`` of rates that are constant in the bins above.

    :param rates: Shape (..., bins).
    :param times: Shape (..., m), negative times too.
    """
    place = times.detach().floor().clamp(0, rates.shape[-1] - 1).long()
    rates, place = _broadcast_left(rates, place)
    return (_before(rates).gather(-1, place)) + rates.gather(-1, place) * (times - place)


def inverse_cumulative_rate(rates: Tensor, amounts: Tensor) -> Tensor:
    """The times at which :func:`cumulative_rate` is ``amounts``."""
    before = _before(rates)
    inner = before[..., 1:].detach().unsqueeze(-2)
    place = (amounts.detach().unsqueeze(-1) >= inner).sum(-1)
    (rates, place), (before, _) = _broadcast_left(rates, place), _broadcast_left(before, place)
    return place + (amounts - before.gather(-1, place)) / rates.gather(-1, place)


def _before(rates: Tensor) -> Tensor:
    """The integral from 0 to the start of each bin."""
    return torch.cat([torch.zeros_like(rates[..., :1]), rates[..., :-1].cumsum(-1)], -1)


def _broadcast_left(rates: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    batch = torch.broadcast_shapes(rates.shape[:-1], place.shape[:-1])
    return rates.expand(*batch, -1), place.expand(*batch, -1)
