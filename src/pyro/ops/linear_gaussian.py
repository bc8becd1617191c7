r"""Observations of a linear-Gaussian state.

.. math:: y = H x + \epsilon, \quad \epsilon \sim \mathcal N(0, R)

Shapes are those of :mod:`pyro.ops.batch_last`; sums run over time and have the shape of the batch.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from pyro.ops.batch_last import (
    add_identity,
    congruence,
    inverse,
    log_abs_det,
    many,
    matmul,
    matvec,
    plus,
    transpose,
)
from pyro.ops.gaussian_kernel import Kernel


class Sensor(NamedTuple):
    """Matrix and noise covariance of an observation."""

    H: Tensor
    R: Tensor


class Observed(NamedTuple):
    """A chain that has seen its data, and the two constants of minus twice its log evidence."""

    chain: Kernel
    misfit: Tensor
    log_det: Tensor


def observe(
    A: Tensor, b: Tensor, C: Tensor, sensor: Sensor, y: Tensor, present: Tensor | None = None
) -> Observed:
    r"""The kernels of transitions :math:`\mathcal N(A x + b, C)` whose later state is observed.

    :param y: data minus the mean of the noise, of shape (p, batch, time).
    :param present: bool, shaped like ``y``: entries that are False are missing.
    """
    if present is not None:
        sensor, y = _without(sensor, y, present)
    H, R = sensor
    HC, HA = matmul(H, C), matmul(H, A)
    error = y - matvec(H, b)
    if present is not None:
        error = torch.where(present, error, 0)
    S = plus(matmul(HC, transpose(H)), R)
    inv_S = inverse(S)
    gain = matmul(transpose(HC), inv_S)
    rest = add_identity(matmul(gain, H), -1)
    weighed = matvec(inv_S, error)
    chain = Kernel(
        matmul(rest, A),
        b + matvec(transpose(HC), weighed),
        plus(congruence(rest, C), congruence(gain, R)),
        matvec(transpose(HA), weighed),
        matmul(transpose(HA), matmul(inv_S, HA)),
    )
    log_det = over_time(log_abs_det(S), y) + math.log(2 * math.pi) * count(y, present)
    return Observed(chain, (error * weighed).sum((0, 2)), log_det)


def count(y: Tensor, present: Tensor | None) -> Tensor:
    """How many numbers are observed, of shape (batch,)."""
    if present is None:
        return y.new_full((), y.shape[0] * y.shape[2]).expand(y.shape[1])
    return present.expand(y.shape).sum((0, 2)).to(y.dtype)


def over_time(x: Tensor, like: Tensor) -> Tensor:
    """The sum over time of what may be common to all times or a batch, of shape (batch,)."""
    _, batch, time = like.shape
    total = x * time if x.dim() == 0 else x.sum(-1) * (time // x.shape[-1])
    return total.expand(batch)


def _without(sensor: Sensor, y: Tensor, present: Tensor) -> tuple[Sensor, Tensor]:
    """Missing entries are observations of nothing with unit noise and no error."""
    both = present[:, None] & present[None]
    H = torch.where(present[:, None], many(sensor.H), 0)
    R = torch.where(both, many(sensor.R), many(add_identity(torch.zeros_like(sensor.R))))
    return Sensor(H, R), torch.where(present, y, 0)


def log_density(error: Tensor, cov: Tensor) -> Tensor:
    """The log density of independent errors, summed over time."""
    misfit = (error * matvec(inverse(cov), error)).sum((0, 2))
    constants = over_time(log_abs_det(cov), error) + math.log(2 * math.pi) * count(error, None)
    return (misfit + constants) / -2
