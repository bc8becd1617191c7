r"""Positive stable variables, which make normal ones symmetric stable.

Kanter's form of the method of Chambers, Mallows and Stuck: with :math:`\theta` uniform on
:math:`(0, \pi)` and :math:`W` exponential,

.. math:: A = \frac{\sin a\theta}{(\sin\theta)^{1/a}}
    \left(\frac{\sin((1-a)\theta)}{W}\right)^{(1-a)/a}
    \quad\text{has}\quad E\,e^{-\lambda A} = e^{-\lambda^a}

See Kanter (1975), *Stable Densities under Change of Scale and Total Variation Inequalities*,
corollary 4.1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def inside_open_interval(v: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    r"""An angle and an exponential, moved off the ends of their intervals if rounded to them.

    :param v: An angle in :math:`[-\pi/2, \pi/2]`.
    :param w: A number of at least zero.

    Example::

        >>> v, w = inside_open_interval(torch.tensor(2.0), torch.tensor(0.0))
        >>> bool(v.cos() > 0), bool(w > 0)
        (True, True)
    """
    info = torch.finfo(v.dtype)
    end = math.pi / 2 * (1 - 2 * info.eps)
    return v.clamp(-end, end), w.clamp(min=info.tiny)


def positive_stable(index: Tensor, v: Tensor, w: Tensor) -> Tensor:
    r"""A draw with the Laplace transform :math:`e^{-\lambda^a}`, differentiable.

    :param index: :math:`a`, in (0, 1]; at 1 the draw is 1.
    :param v: Uniform on :math:`(-\pi/2, \pi/2)`.
    :param w: Exponential of mean one.

    Example::

        >>> half = torch.tensor(0.5)
        >>> a = positive_stable(half, torch.tensor(0.0), half)  # Levy: 1 / (4 w cos(theta / 2)^2)
        >>> a.round(decimals=3)
        tensor(1.)
    """
    v, w = inside_open_interval(v, w)
    tiny = torch.finfo(v.dtype).tiny
    theta = v + math.pi / 2
    rest = 1 - index

    def log_sin(x: Tensor) -> Tensor:
        return x.sin().clamp(min=tiny).log()

    log_a = log_sin(index * theta) - v.cos().log() / index
    log_a = log_a + (log_sin(rest * theta) - w.log()) * (rest / index)
    limit = math.log(torch.finfo(v.dtype).max) / 2
    return log_a.clamp(-limit, limit).exp()
