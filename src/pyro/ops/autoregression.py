"""Autoregressions: residuals, stationary laws and paths, without a loop over time."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def log_normal_total(deviations: Tensor, scale: Tensor) -> Tensor:
    r"""The log density of independent :math:`\mathcal N(0, \sigma^2)` numbers, summed.

    :param deviations: Shape ``(..., n)``.
    :param scale: :math:`\sigma`, of a shape that broadcasts with ``(...)``.
    """
    squares = (deviations / scale.unsqueeze(-1)).square().sum(-1)
    return -0.5 * squares - deviations.shape[-1] * (scale.log() + LOG_SQRT_2PI)


def residuals(path: Tensor, coefficients: Tensor) -> Tensor:
    r""":math:`x_t - \sum_k \varphi_k x_{t-k}` for :math:`t = p + 1, \dots, T`.

    :param path: Shape ``(..., T)``.
    :param coefficients: :math:`\varphi`, of shape ``(..., p)``.
    :return: Shape ``(..., T - p)``.
    """
    order, length = coefficients.shape[-1], path.shape[-1]
    result = path[..., order:]
    for lag, weight in enumerate(coefficients.unbind(-1), 1):
        result = result - weight.unsqueeze(-1) * path[..., order - lag : length - lag]
    return result


def stationary_precision(coefficients: Tensor) -> Tensor:
    r"""The inverse covariance of p successive values of a stationary AR(p) with unit noise.

    :math:`K = A A^\top - B B^\top` with lower triangular Toeplitz matrices whose first columns are
    :math:`(1, -\varphi_1, \dots, -\varphi_{p-1})` and :math:`(-\varphi_p, \dots, -\varphi_1)`.  It
    is positive definite exactly if the process is stationary.  Siddiqui (1958), *On the Inversion
    of the Sample Covariance Matrix in a Stationary Autoregressive Process*; the criterion is
    Schur's.

    :param coefficients: Shape ``(..., p)``.
    :return: Shape ``(..., p, p)``.
    """
    polynomial = torch.cat([torch.ones_like(coefficients[..., :1]), -coefficients], -1)
    columns = torch.stack([polynomial[..., :-1], polynomial[..., 1:].flip(-1)], -2)
    matrices = _lower_toeplitz(columns)
    squares = matrices @ matrices.mT
    return squares[..., 0, :, :] - squares[..., 1, :, :]


def _lower_toeplitz(column: Tensor) -> Tensor:
    """The lower triangular matrices with constant diagonals and the given first columns."""
    size = column.shape[-1]
    return torch.nn.functional.pad(column, (size - 1, 0)).unfold(-1, size, 1).flip(-1)


def companion(coefficients: Tensor) -> Tensor:
    r"""The matrix that moves the state :math:`(x_t, \dots, x_{t-p+1})` one step on."""
    order = coefficients.shape[-1]
    shift = torch.eye(order - 1, order, dtype=coefficients.dtype, device=coefficients.device)
    shift = shift.expand(coefficients.shape[:-1] + shift.shape)
    return torch.cat([coefficients.unsqueeze(-2), shift], -2)


def linear_recurrence(matrix: Tensor, inputs: Tensor) -> Tensor:
    r""":math:`s_t = F s_{t-1} + u_t` with :math:`s_1 = u_1`, in ceil(log2 T) steps.

    After k steps each entry has gathered the last :math:`2^k` inputs; the next step adds those
    before them, moved on by :math:`F^{2^k}`.  Hillis and Steele (1986), *Data Parallel Algorithms*.

    :param matrix: :math:`F`, of shape ``(..., n, n)``.
    :param inputs: :math:`u`, of shape ``(..., T, n)``.
    :return: :math:`s`, of the broadcast shape ``(..., T, n)``.

    Example::

        >>> from pyro.ops.autoregression import linear_recurrence
        >>> linear_recurrence(torch.tensor([[2.0]]), torch.ones(4, 1)).squeeze(-1)
        tensor([ 1.,  3.,  7., 15.])
    """
    states, reach, length = inputs, 1, inputs.shape[-2]
    while reach < length:
        moved = states[..., :-reach, :] @ matrix.mT
        fresh = states[..., :reach, :].expand(moved.shape[:-2] + (reach, moved.shape[-1]))
        states = torch.cat([fresh, states[..., reach:, :] + moved], -2)
        reach *= 2
        if reach < length:
            matrix = matrix @ matrix
    return states
