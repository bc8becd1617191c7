r"""Powers.

:math:`x^y = e^{y \log x}` with a logarithm of some 68 bits in two numbers, since its error is
multiplied by an exponent of up to 745. See Muller (2016), *Elementary Functions*, section 11.5.
"""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import LOG_SECOND
from pyro.compile.math.exact import fast_two_sum, less_product, two_product
from pyro.compile.math.exponential import LN2_HIGH, LN2_LOW, exp_sum
from pyro.compile.math.logarithm import exponent_and_fraction
from pyro.compile.math.polynomial import polynomial

_TWO_THIRDS = 2 / 3
_TWO_THIRDS_LOW = float.fromhex("0x1.5555555555555p-55")
_LARGEST_EXPONENT = 1e290  # times any logarithm but that of 1, it overflows or underflows
_CLAMPED = 800.0  # beyond, exp is zero or infinite whatever the correction


def _log_in_two(b: ScalarBuilder[Value, Condition, Int], x: Value) -> tuple[Value, Value]:
    e, f = exponent_and_fraction(b, x)
    sum_, sum_low = fast_two_sum(b, 2.0, f)
    inverse = b.div(1.0, sum_)
    s = b.mul(f, inverse)
    s_low = b.mul(b.sub(less_product(b, f, s, sum_), b.mul(s, sum_low)), inverse)
    z, z_low = two_product(b, s, s)
    z_low = b.fma(b.add(s, s), s_low, z_low)
    t, t_low = fast_two_sum(b, _TWO_THIRDS, b.mul(z, polynomial(b, z, LOG_SECOND)))
    t_low = b.add(t_low, _TWO_THIRDS_LOW)
    u, u_low = two_product(b, z, t)
    u_low = b.add(u_low, b.fma(z, t_low, b.mul(z_low, t)))
    v, v_low = two_product(b, s, u)
    v_low = b.add(v_low, b.fma(s, u_low, b.mul(s_low, u)))
    log_f, log_f_low = fast_two_sum(b, b.add(s, s), v)
    high, low = fast_two_sum(b, b.mul(e, LN2_HIGH), log_f)
    rest = b.add(b.fma(s_low, 2.0, v_low), log_f_low)
    return high, b.add(low, b.fma(e, LN2_LOW, rest))


def _positive_power(b: ScalarBuilder[Value, Condition, Int], x: Value, y: Value) -> Value:
    high, low = _log_in_two(b, x)
    y = b.max(b.min(y, _LARGEST_EXPONENT), -_LARGEST_EXPONENT)
    product, error = two_product(b, y, high)
    error = b.fma(y, low, error)
    certain = b.lt(b.abs(product), _CLAMPED)
    return exp_sum(b, product, b.select(certain, error, 0.0))


def pow(b: ScalarBuilder[Value, Condition, Int], x: Value, y: Value) -> Value:
    """``x`` to the power ``y`` within 2 ulp; special cases as in IEEE 754-2019, section 9.2.1."""
    a = b.abs(x)
    value = _positive_power(b, a, y)
    empty, endless = b.eq(a, 0.0), b.eq(a, math.inf)
    extreme = b.logical_or(empty, endless)
    limit = b.select(b.gt(y, 0.0), a, b.div(1.0, a))
    value = b.select(extreme, limit, value)
    negative = b.lt(b.copysign(1.0, x), 0.0)
    half = b.mul(y, 0.5)
    integer = b.eq(b.trunc(y), y)
    odd = b.logical_and(integer, b.ne(b.trunc(half), half))
    value = b.select(b.logical_and(negative, odd), b.neg(value), value)
    undefined = b.logical_and(
        b.logical_and(negative, b.logical_not(extreme)), b.logical_not(integer)
    )
    value = b.select(undefined, math.nan, value)
    value = b.select(b.is_nan(y), y, b.select(b.is_nan(x), x, value))
    return b.select(b.logical_or(b.eq(y, 0.0), b.eq(x, 1.0)), 1.0, value)
