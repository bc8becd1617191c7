r"""The logarithm of the gamma function.

Below 6, :math:`\Gamma(x)` is a product times :math:`\Gamma(1 + s)`, where :math:`s` is the
fraction, and :math:`\log \Gamma(1 + s) = s (s - 1) Q(s)`, which is exact at the zeros 1 and 2.
Above, Stirling's series. Below zero, the reflection. One logarithm serves the first two.
See DLMF 5.5.1, 5.5.3 and 5.11.1.
"""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import LOG_GAMMA, STIRLING
from pyro.compile.math.half_turns import half_turn
from pyro.compile.math.logarithm import log
from pyro.compile.math.polynomial import polynomial

_STIRLING_FROM = 6
_CONSTANT = 0.5 * math.log(2 * math.pi) - 0.5
_IS_ITS_LOGARITHM = 2.0**-55  # closer to zero, lgamma(x) is -log(|x|)


def lgamma(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\log |\Gamma(x)|` within 6 ulp for positive arguments.

    For negative ones the error is within 6 ulp or :math:`10^{-15} (1 + |x \log |x||)`, since
    there are zeros among them; infinite at the poles.
    """
    a = b.abs(x)
    of_magnitude = _positive(b, a)
    reflected = b.logical_and(b.lt(x, 0.0), b.gt(a, _IS_ITS_LOGARITHM))
    return b.rare(reflected, lambda: _reflected(b, a, of_magnitude), of_magnitude)


def _positive(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    large, below_one = b.ge(x, float(_STIRLING_FROM)), b.lt(x, 1.0)
    as_it_is = b.logical_or(large, below_one)
    logarithm = log(b, b.select(as_it_is, x, _factors(b, x)))
    small = b.add(_between_zeros(b, x), b.select(below_one, b.neg(logarithm), logarithm))
    return b.select(large, _stirling(b, x, logarithm), small)


def _factors(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The product of ``x - 1``, ``x - 2`` ... down to the last one that is not below 1."""
    product = b.max(b.sub(x, 1.0), 1.0)
    for k in range(2, _STIRLING_FROM):
        product = b.mul(product, b.max(b.sub(x, float(k)), 1.0))
    return product


def _between_zeros(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    s = b.sub(x, b.floor(x))
    quotient = polynomial(b, b.sub(s, 0.5), LOG_GAMMA)
    return b.mul(b.mul(s, b.sub(s, 1.0)), quotient)


def _stirling(b: ScalarBuilder[Value, Condition, Int], x: Value, logarithm: Value) -> Value:
    y = b.div(1.0, x)
    rest = b.fma(polynomial(b, b.mul(y, y), STIRLING), y, _CONSTANT)
    return b.fma(b.sub(x, 0.5), b.sub(logarithm, 1.0), rest)


def _reflected(b: ScalarBuilder[Value, Condition, Int], a: Value, of_magnitude: Value) -> Value:
    sine = half_turn(b, a).sine
    value = b.sub(log(b, b.div(math.pi, b.mul(a, sine))), of_magnitude)
    return b.select(b.eq(b.floor(a), a), math.inf, value)
