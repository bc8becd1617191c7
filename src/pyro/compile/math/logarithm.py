r"""Logarithms.

:math:`x = 2^e (1 + f)` with :math:`1 + f \in [\sqrt{1/2}, \sqrt2)`. With
:math:`s = f / (2 + f)`, :math:`\log(1 + f) = 2 \operatorname{artanh} s = f - s (f - R)`, where
:math:`R = s^2 P(s^2)`: the leading term is exact, so that the sum loses little.
"""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import LOG
from pyro.compile.math.exponential import LN2_HIGH, LN2_LOW
from pyro.compile.math.polynomial import polynomial
from pyro.compile.math.words import MIN_NORMAL, ONE_BITS, SQRT_HALF_BITS, split, unbiased

_SQRT_2 = math.sqrt(2)
_LIFT = 54  # the power of two that makes a subnormal number normal
_IDENTITY = 2.0**-54  # below it log1p(x) rounds to x
_LOG2_E_HIGH = float.fromhex("0x1.71547652b82fep+0")
_LOG2_E_LOW = float.fromhex("0x1.777d0ffda0d24p-56")
_LOG10_E_HIGH = float.fromhex("0x1.bcb7b1526e50ep-2")
_LOG10_E_LOW = float.fromhex("0x1.95355baaafad3p-57")
_LOG10_2_HIGH = float.fromhex("0x1.34413509f78p-2")  # 42 bits, as LN2_HIGH
_LOG10_2_LOW = float.fromhex("0x1.fef311f12b358p-46")


def log_of_mantissa(b: ScalarBuilder[Value, Condition, Int], f: Value) -> Value:
    r""":math:`\log(1 + f)` for :math:`1 + f \in [\sqrt{1/2}, \sqrt2]`."""
    return _artanh_series(b, b.div(f, b.add(f, 2.0)), f, f)


def _artanh_series(
    b: ScalarBuilder[Value, Condition, Int], s: Value, f: Value, leading: Value
) -> Value:
    """``leading - s * (f - R)``, where ``leading`` is ``f`` and what else is to be added."""
    z = b.mul(s, s)
    return b.fma(s, b.fma(z, polynomial(b, z, LOG), b.neg(f)), leading)


def _with_exponent(
    b: ScalarBuilder[Value, Condition, Int], e: Value, f: Value, s: Value | None = None
) -> Value:
    r""":math:`e \log 2 + \log(1 + f)`; what waits for the quotient ``s`` alone comes last."""
    quotient = b.div(f, b.add(f, 2.0)) if s is None else s
    series = _artanh_series(b, quotient, f, b.fma(e, LN2_LOW, f))
    return b.fma(e, LN2_HIGH, series)


def _at_edges(b: ScalarBuilder[Value, Condition, Int], x: Value, inside: Value) -> Value:
    """``inside`` for positive finite ``x``; the logarithm of all others."""
    below = b.select(b.eq(x, 0.0), -math.inf, math.nan)
    return b.select(b.gt(x, 0.0), b.select(b.lt(x, math.inf), inside, x), below)


def exponent_and_fraction(b: ScalarBuilder[Value, Condition, Int], x: Value) -> tuple[Value, Value]:
    r""":math:`e` and :math:`f` of a positive finite number, subnormal ones included."""
    tiny = b.lt(x, MIN_NORMAL)
    biased, mantissa = split(b, b.select(tiny, b.mul(x, 2.0**_LIFT), x))
    e = unbiased(b, biased)
    return b.sub(e, b.select(tiny, float(_LIFT), 0.0)), b.sub(mantissa, 1.0)


def log(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\log x` within 1.3 ulp, subnormal arguments included."""
    e, f = exponent_and_fraction(b, x)
    return _at_edges(b, x, _with_exponent(b, e, f))


def log2(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\log_2 x` within 2 ulp; exact for powers of two."""
    e, f = exponent_and_fraction(b, x)
    logarithm = log_of_mantissa(b, f)
    rest = b.fma(logarithm, _LOG2_E_HIGH, b.mul(logarithm, _LOG2_E_LOW))
    return _at_edges(b, x, b.add(e, rest))


def log10(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\log_{10} x` within 2 ulp."""
    e, f = exponent_and_fraction(b, x)
    logarithm = log_of_mantissa(b, f)
    low = b.fma(logarithm, _LOG10_E_LOW, b.mul(e, _LOG10_2_LOW))
    return _at_edges(b, x, b.fma(e, _LOG10_2_HIGH, b.fma(logarithm, _LOG10_E_HIGH, low)))


def log_of_sum(b: ScalarBuilder[Value, Condition, Int], x: Value, low: Value) -> Value:
    r""":math:`\log(x + l)` within 2 ulp, where :math:`l` is below an ulp of a normal :math:`x`."""
    biased, mantissa = split(b, x)
    unscale = b.from_bits(b.shift_left(b.int_sub(2046, biased), 52))
    f = b.fma(low, unscale, b.sub(mantissa, 1.0))
    return _with_exponent(b, unbiased(b, biased), f)


def log1p_of_fraction(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\log(1 + x)` for :math:`0 \le x \le 1` within 2 ulp, at a lower price."""
    # 1 + x is its own mantissa, or twice a mantissa.
    doubled = b.gt(x, _SQRT_2 - 1)
    f = b.select(doubled, b.mul(b.sub(x, 1.0), 0.5), x)
    return b.add(log_of_mantissa(b, f), b.select(doubled, math.log(2), 0.0))


def _log_of_successor(b: ScalarBuilder[Value, Condition, Int], x: Value, u: Value) -> Value:
    r""":math:`\log(1 + x)` for finite :math:`x > -1`; ``u`` is the rounded sum :math:`1 + x`."""
    biased = b.shift_right(b.int_add(b.to_bits(u), ONE_BITS - SQRT_HALF_BITS), 52)
    # 2**(2 - e) is a normal number for every e; its product with x is exact.
    power = b.from_bits(b.shift_left(b.int_sub(2048, biased), 52))
    four_f = b.fma(x, power, b.sub(power, 4.0))
    s = b.div(four_f, b.add(four_f, 8.0))
    return _with_exponent(b, unbiased(b, biased), b.mul(four_f, 0.25), s)


def log1p(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\log(1 + x)` within 2 ulp."""
    u = b.add(x, 1.0)
    result = _at_edges(b, u, _log_of_successor(b, x, u))
    return b.select(b.lt(b.abs(x), _IDENTITY), x, result)


def log1p_of_positive(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\log(1 + x)` for :math:`x \ge 0` within 2 ulp, at a lower price."""
    u = b.add(x, 1.0)
    return b.select(b.lt(u, math.inf), _log_of_successor(b, x, u), u)
