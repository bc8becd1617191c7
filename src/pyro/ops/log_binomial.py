"""Approximate binomial coefficients."""

from __future__ import annotations

import math

from torch import Tensor

from pyro.ops.special import log_binomial

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
# What Stirling's series leaves at arguments from 1 on after so many of its terms, three times over.
_ERRORS = (3 / 12, 3 / 360, 3 / 1260)
_TERMS = (1 / 12, -1 / 360)


def approximate_log_binomial(n: Tensor, k: Tensor, tol: float) -> Tensor:
    r""":math:`\log \binom{n}{k}` within an absolute error of ``tol``, without gamma functions.

    Stirling's series (Abramowitz and Stegun, 6.1.40) with as many terms as the tolerance needs;
    where it is too small for that, gamma functions after all.

    Example::

        >>> approximate_log_binomial(torch.tensor(10.0), torch.tensor(5.0), 0.3)  # of 252
        tensor(5.5496)
    """
    for count, error in enumerate(_ERRORS):
        if error <= tol:
            parts = _log_gamma(n + 1, count), _log_gamma(k + 1, count), _log_gamma(n - k + 1, count)
            return parts[0] - parts[1] - parts[2]
    return log_binomial(n, k)


def _log_gamma(x: Tensor, terms: int) -> Tensor:
    result = (x - 0.5) * x.log() - x + _LOG_SQRT_2PI
    for power, coefficient in enumerate(_TERMS[:terms]):
        result = result + coefficient * x ** -(2 * power + 1)
    return result
