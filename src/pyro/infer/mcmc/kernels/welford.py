"""Running means and (co)variances of the rows that come, in double precision."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Moments(NamedTuple):
    """Of one stream of rows, or of one for each chain.

    :param seen: How many rows, ``()`` or ``(chains,)``.
    :param mean: ``(dim,)`` or ``(chains, dim)``.
    :param scatter: The sums of squared deviations, of the shape of the mean, or their products,
        with one more ``dim``.
    """

    seen: Tensor
    mean: Tensor
    scatter: Tensor


def init(dim: int, chains: int | None, dense: bool, device: torch.device) -> Moments:
    """No rows yet.

    :param chains: How many streams; None for one that all chains share.
    :param dense: Whether products of different coordinates are kept.
    """
    lead = () if chains is None else (chains,)
    shape = (*lead, dim)
    zeros = torch.zeros(shape, dtype=torch.double, device=device)
    scatter = zeros.new_zeros(*shape, dim) if dense else torch.zeros_like(zeros)
    return Moments(zeros.new_zeros(lead), zeros, scatter)


def add(moments: Moments, chains: Tensor, rows: Tensor) -> Moments:
    """Take rows in; a stream for each chain gets those of its chain. The memory is reused.

    :param chains: Whose rows they are, each at most once, ``(n,)``.
    :param rows: Of shape ``(n, dim)``.

    Chan, Golub and LeVeque (1983), *Algorithms for Computing the Sample Variance*.
    """
    rows = rows.double()
    if moments.seen.dim() == 0:
        return _add_all(moments, rows)
    count = moments.seen[chains] + 1
    old = moments.mean[chains]
    new = old + (rows - old) / count[:, None]
    moments.seen[chains] = count
    moments.mean[chains] = new
    products = _products(rows - old, rows - new, moments.scatter.dim() > moments.mean.dim())
    moments.scatter[chains] += products
    return moments


def _add_all(moments: Moments, rows: Tensor) -> Moments:
    n = len(rows)
    total = moments.seen + n
    mean = rows.mean(0)
    inner, shift = rows - mean, mean - moments.mean
    share = moments.seen * n / total
    if moments.scatter.dim() > 1:
        scatter = torch.addmm(moments.scatter, inner.T, inner) + share * shift.outer(shift)
    else:
        scatter = moments.scatter + inner.square().sum(0) + share * shift.square()
    return Moments(total, moments.mean + shift * (n / total), scatter)


def _products(a: Tensor, b: Tensor, dense: bool) -> Tensor:
    return a[..., :, None] * b[..., None, :] if dense else a * b


def covariance(moments: Moments) -> Tensor:
    """The sample variances, or covariances, of the shape of the scatter."""
    count = (moments.seen - 1).clamp(min=1)
    return moments.scatter / count.reshape(
        count.shape + (1,) * (moments.scatter.dim() - count.dim())
    )
