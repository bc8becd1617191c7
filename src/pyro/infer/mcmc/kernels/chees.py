"""Trajectory lengths that many chains find together, by the ChEES criterion."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from pyro.infer.mcmc.kernels.hmc import Flight
from pyro.infer.mcmc.kernels.metric import Metric

_RATE, _DECAY, _EPSILON = 0.025, 0.95, 1e-8
_MAX_STEPS = 1000


class TrajectoryLength(NamedTuple):
    """What is carried.

    :param log_length: The logarithm of the longest trajectory now, in units of time.
    :param log_average: Of the one to use in the end.
    :param square: Adam's average of squared gradients.
    :param updates: The number of updates.
    """

    log_length: float
    log_average: float
    square: float
    updates: int


def init(length: float) -> TrajectoryLength:
    """Begin with trajectories of this length at most."""
    return TrajectoryLength(math.log(length), math.log(length), 0.0, 0)


def jitter(index: int) -> float:
    """The van der Corput sequence in base 2, at ``index + 1``: which part of the length to go.

    Halton (1964), *Radical-inverse quasi-random point sequence*.
    """
    index, result, base = index + 1, 0.0, 0.5
    while index:
        result += base * (index & 1)
        index, base = index >> 1, base / 2
    return result


def steps_of(log_length: float, part: float, step_size: float) -> int:
    """Leapfrog steps for a part of the length, at least 1, at most 1000."""
    ratio = part * math.exp(min(log_length, 50.0)) / step_size
    return max(1, math.ceil(min(ratio, float(_MAX_STEPS))))


def update(
    state: TrajectoryLength, before: Tensor, flight: Flight, metric: Metric, part: float
) -> TrajectoryLength:
    r"""Climb the criterion, by Adam on the logarithm of the length.

    The change in the estimator of the expected square is
    :math:`\tfrac14 E[(|x' - E x'|^2 - |x - E x|^2)^2]`, in whitened coordinates; its derivative by
    the length is estimated, over chains and weighted by acceptance, as the mean of
    :math:`u\,(|x' - \bar x'|^2 - |x - \bar x|^2)\,\langle x' - \bar x', p'\rangle`, where u is the
    part of the length.

    :param before: The positions before, ``(chains, dim)``.
    :param flight: How the trajectories have ended.
    :param part: Which part of the length they had.

    Hoffman, Radul and Sountsov (2021), *An Adaptive-MCMC Scheme for Setting Trajectory Lengths in
    Hamiltonian Monte Carlo*, sections 3 and 4.
    """
    slope = _slope(before, flight, metric) * part * math.exp(state.log_length)
    count = state.updates + 1
    if not math.isfinite(slope):
        return state
    square = _DECAY * state.square + (1 - _DECAY) * slope**2
    scale = math.sqrt(square / (1 - _DECAY**count)) + _EPSILON
    log_length = state.log_length + _RATE * slope / scale
    weight = count**-0.5
    log_average = weight * log_length + (1 - weight) * state.log_average
    return TrajectoryLength(log_length, log_average, square, count)


def _slope(before: Tensor, flight: Flight, metric: Metric) -> float:
    """The derivative of the criterion by the time at the end of the trajectories."""
    good = flight.point.position.isfinite().all(-1) & flight.point.momentum.isfinite().all(-1)
    rate = torch.where(good, flight.acceptance, 0.0)
    after = torch.where(good[:, None], flight.point.position, before)
    momentum = torch.where(good[:, None], flight.point.momentum, 0.0).double()
    start = metric.whiten(before - before.mean(0)).double()
    end = metric.whiten(after - after.mean(0)).double()
    gain = end.square().sum(-1) - start.square().sum(-1)
    terms = gain * (end * momentum).sum(-1)
    return float((rate * terms).sum() / rate.sum())
