"""Kingman's coalescent: what its likelihood is made of, and draws."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


def lineages(leaf_times: Tensor, coal_times: Tensor) -> tuple[Tensor, Tensor]:
    """How many lineages there are just after each leaf, and just after each coalescence.

    Back in time, a leaf adds a lineage, and a coalescence joins two.  So much, and one less, does
    the number of pairs of lineages change there.

    :param leaf_times: Shape (..., n), in ascending order.
    :param coal_times: Shape (..., n - 1), in ascending order.
    """
    leaves, coals = leaf_times.detach(), coal_times.detach()
    if leaves.dim() > 1:
        batch = torch.broadcast_shapes(leaves.shape[:-1], coals.shape[:-1])
        leaves = leaves.expand(*batch, -1).contiguous()
        coals = coals.expand(*batch, -1)
    earlier = torch.searchsorted(leaves, coals.contiguous())  # leaves before each coalescence
    place = torch.arange(leaves.shape[-1], device=leaves.device)
    zeros = earlier.new_zeros(*earlier.shape[:-1], len(place) + 1)
    up_to = zeros.scatter_add_(-1, earlier, torch.ones_like(earlier)).cumsum(-1)
    return up_to[..., :-1] - place, place[:-1] + 2 - earlier


def log_pairs(count: Tensor, like: Tensor) -> Tensor:
    """The logarithm of the number of pairs; ``-inf`` where there is none."""
    count = count.clamp(min=1)
    return (0.5 * (count * (count - 1)).to(like.dtype)).log()


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
    leaf_times: Tensor, coal_times: Tensor, bins: int
) -> CoalescentStatistics:
    """The statistics for the bins (-inf, 1], [1, 2], …, [bins - 1, inf).

    :param leaf_times: Shape (..., n), in ascending order.
    :param coal_times: Shape (..., n - 1), in ascending order.
    """
    at_leaves, at_coals = lineages(leaf_times, coal_times)
    batch = at_leaves.shape[:-1]
    zeros = coal_times.new_zeros(*batch, bins)
    place = _bin_of(coal_times, bins).expand(*batch, -1)
    pairs = zeros.scatter_add(-1, place, log_pairs(at_coals, coal_times))
    counts = zeros.scatter_add(-1, place, torch.ones_like(at_coals, dtype=zeros.dtype))
    changes = torch.cat([at_leaves, 1 - at_coals], -1).to(zeros.dtype)
    times = torch.cat([x.expand(*batch, -1) for x in (leaf_times, coal_times)], -1)
    place = _bin_of(times, bins)
    inside = zeros.scatter_add(-1, place, changes * (times - place))
    whole = zeros.scatter_add(-1, place, changes)
    return CoalescentStatistics(pairs, counts, inside + whole.flip(-1).cumsum(-1).flip(-1) - whole)


def _bin_of(times: Tensor, bins: int) -> Tensor:
    return times.detach().clamp(0, bins - 1).long()


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


def rate_at(rates: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """Rates that are constant in each bin, and their integral from 0, at ``times``.

    :param rates: Shape (..., bins), for the bins of :func:`coalescent_statistics`.
    :param times: Shape (..., m), negative times too.
    """
    place = _bin_of(times, rates.shape[-1])
    rate = _look_up(rates, place)
    return rate, _look_up(_before(rates), place) + rate * (times - place)


def time_of_amount(rates: Tensor, amounts: Tensor) -> Tensor:
    """The times at which the integral of rates is ``amounts``: the inverse of :func:`rate_at`."""
    before = _before(rates)
    place = (amounts.detach().unsqueeze(-1) >= before[..., 1:].detach().unsqueeze(-2)).sum(-1)
    return place + (amounts - _look_up(before, place)) / _look_up(rates, place)


def _before(rates: Tensor) -> Tensor:
    """The integral from 0 to the start of each bin."""
    return torch.cat([torch.zeros_like(rates[..., :1]), rates[..., :-1].cumsum(-1)], -1)


def _look_up(rates: Tensor, place: Tensor) -> Tensor:
    if rates.dim() == 1:
        return rates.index_select(0, place.flatten()).view(place.shape)
    batch = torch.broadcast_shapes(rates.shape[:-1], place.shape[:-1])
    return rates.expand(*batch, -1).gather(-1, place.expand(*batch, -1))
