r"""Logarithms of tail probabilities: sums, differences and the normal law, exact far out.

A probability below the smallest number of its dtype is still a fine logarithm; these functions
never leave the logarithm on the way.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyro.ops.log_ndtr import log_ndtr

_LOG_2 = math.log(2)
_SQRT_HALF = math.sqrt(0.5)
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_LOG_SQRT_HALF_PI = 0.5 * math.log(math.pi / 2)


def log1mexp(x: Tensor) -> Tensor:
    r""":math:`\log(1 - e^x)` for :math:`x \le 0`.

    See Maechler (2012), *Accurately computing log(1 - exp(-|a|))*, equation 7.

    Example::

        >>> log1mexp(torch.tensor([-1e-6, -50.0]))
        tensor([-1.3816e+01, -1.9287e-22])
    """
    near = x > -_LOG_2
    small = torch.where(near, x, -1.0)
    large = torch.where(near, -1.0, x)
    return torch.where(near, (-torch.expm1(small)).log(), torch.log1p(-large.exp()))


def log_diff_exp(a: Tensor, b: Tensor) -> Tensor:
    r""":math:`\log(e^a - e^b)` for :math:`a \ge b`; ``-inf`` where they are equal.

    Example::

        >>> log_diff_exp(torch.tensor(-1000.0), torch.tensor(-1001.0))
        tensor(-1000.4587)
    """
    empty = b == -math.inf
    same = (a <= b) & ~empty
    gap = torch.where(empty | same, -1.0, b - torch.where(empty | same, b + 1, a))
    return torch.where(same, -math.inf, torch.where(empty, a, a + log1mexp(gap)))


def log_erfcx(x: Tensor) -> Tensor:
    r""":math:`\log(e^{x^2} \mathrm{erfc}(x))` for :math:`x \ge -1`."""
    log_erfcx: Tensor = torch.special.erfcx(x).log()
    return log_erfcx


def log_ndtri(log_p: Tensor) -> Tensor:
    r"""The :math:`x` with :math:`\log\Phi(x)` equal to ``log_p``; not differentiable.

    Newton's method on the concave function :math:`\log\Phi`, which converges monotonically.

    Example::

        >>> log_ndtri(torch.tensor([-5004.5, -0.1]))
        tensor([-99.9898,   1.3096])
    """
    upper = log_p > -_LOG_2
    target = torch.where(upper, log1mexp(log_p.clamp(max=0.0)), log_p)
    x = -(-2 * target).sqrt()
    for _ in range(8):
        log_cdf = log_ndtr(x)
        slope = (-x * x / 2 - _LOG_SQRT_2PI - log_cdf).exp()
        x = x - (log_cdf - target) / slope
    x = torch.where(target == -math.inf, -math.inf, x)
    return torch.where(upper, -x, x)
