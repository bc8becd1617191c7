"""Step sizes by dual averaging, of many chains at once or of all together."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

_GAMMA, _T0, _KAPPA = 0.05, 10.0, 0.75


class DualAveraging(NamedTuple):
    """What is carried; each of shape ``(chains,)``, or ``(1,)`` for all chains together.

    :param log_step: The logarithm of the step size to use now.
    :param log_average: Of the one to use in the end.
    :param error: The weighted sum of what acceptance rates lacked.
    :param updates: The number of updates.
    :param centre: Of the one that is drawn to.
    """

    log_step: Tensor
    log_average: Tensor
    error: Tensor
    updates: Tensor
    centre: Tensor


def init(step_size: Tensor, ambition: float) -> DualAveraging:
    """Begin at step sizes of shape ``(chains,)`` or ``(1,)``.

    :param ambition: How many times larger the step size is that is drawn to.
    """
    log_step = step_size.double().log()
    zero = torch.zeros_like(log_step)
    return DualAveraging(
        log_step, log_step.clone(), zero, zero.clone(), log_step + math.log(ambition)
    )


def update(state: DualAveraging, rows: Tensor, acceptance: Tensor, target: float) -> DualAveraging:
    r"""Learn from the acceptance rates of transitions.

    .. math::
        \bar H_t = (1 - \tfrac1{t + t_0})\bar H_{t-1} + \tfrac{\delta - \alpha_t}{t + t_0},\quad
        \log\epsilon_t = \mu - \tfrac{\sqrt t}{\gamma}\bar H_t,\quad
        \log\bar\epsilon_t = t^{-\kappa}\log\epsilon_t + (1 - t^{-\kappa})\log\bar\epsilon_{t-1}

    :param rows: Which of the step sizes are concerned, ``(n,)``.
    :param acceptance: The rates, between 0 and 1, ``(n,)``.

    Hoffman and Gelman (2014), *The No-U-Turn Sampler*, section 3.2.
    """
    count = state.updates[rows] + 1
    weight = 1 / (count + _T0)
    error = torch.lerp(state.error[rows], target - acceptance, weight)
    log_step = state.centre[rows] - count.sqrt() / _GAMMA * error
    log_average = torch.lerp(state.log_average[rows], log_step, count**-_KAPPA)
    return DualAveraging(
        state.log_step.index_copy(0, rows, log_step),
        state.log_average.index_copy(0, rows, log_average),
        state.error.index_copy(0, rows, error),
        state.updates.index_copy(0, rows, count),
        state.centre,
    )
