"""Inverse sine, cosine and tangent."""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import ASIN, ATAN
from pyro.compile.math.polynomial import polynomial

_HALF_PI_LOW = float.fromhex("0x1.1a62633145c07p-54")
_TAN_EIGHTH = math.sqrt(2) - 1  # tan(pi/8)
_LARGE = 2.0**1000
_SMALL = 2.0**-960


def _asin_up_to_half(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    z = b.mul(x, x)
    return b.fma(b.mul(x, z), polynomial(b, z, ASIN), x)


def _asin_parts(b: ScalarBuilder[Value, Condition, Int], a: Value) -> tuple[Condition, Value]:
    r"""Whether ``a`` is beyond one half, and asin of ``a``, or else of :math:`\sqrt{(1-a)/2}`."""
    beyond = b.gt(a, 0.5)
    root = b.sqrt(b.mul(b.sub(1.0, a), 0.5))
    return beyond, _asin_up_to_half(b, b.select(beyond, root, a))


def asin(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The inverse sine within 3 ulp; nan outside of [-1, 1]."""
    beyond, part = _asin_parts(b, b.abs(x))
    complement = b.add(b.fma(part, -2.0, math.pi / 2), _HALF_PI_LOW)
    return b.copysign(b.select(beyond, complement, part), x)


def acos(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The inverse cosine within 3 ulp; nan outside of [-1, 1]."""
    beyond, part = _asin_parts(b, b.abs(x))
    negative = b.lt(x, 0.0)
    middle = b.sub(math.pi / 2, b.sub(b.copysign(part, x), _HALF_PI_LOW))
    double = b.add(part, part)
    outer = b.select(negative, b.sub(math.pi, b.sub(double, 2 * _HALF_PI_LOW)), double)
    return b.select(beyond, outer, middle)


def _angle(b: ScalarBuilder[Value, Condition, Int], y: Value, x: Value | float) -> Value:
    r""":math:`\arctan(y / x)` for non-negative numbers, in :math:`[0, \pi/2]`."""
    low = b.le(y, b.mul(x, _TAN_EIGHTH))
    high = b.gt(b.mul(y, _TAN_EIGHTH), x)
    numerator = b.select(low, y, b.select(high, b.neg(b.add(x, 0.0)), b.sub(y, x)))
    denominator = b.select(low, x, b.select(high, y, b.add(y, x)))
    u = b.div(numerator, denominator)
    z = b.mul(u, u)
    part = b.fma(b.mul(u, z), polynomial(b, z, ATAN), u)
    base = b.select(low, 0.0, b.select(high, math.pi / 2, math.pi / 4))
    base_low = b.select(low, 0.0, b.select(high, _HALF_PI_LOW, _HALF_PI_LOW / 2))
    return b.add(base, b.add(part, base_low))


def atan(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The inverse tangent within 3 ulp."""
    # At infinity -1/y and pi/2 remain; the quotient there is exact.
    return b.copysign(_angle(b, b.abs(x), 1.0), x)


def atan2(b: ScalarBuilder[Value, Condition, Int], y: Value, x: Value) -> Value:
    r"""The angle of the point :math:`(x, y)` within 4 ulp; its signs of zero are those of C."""
    a, c = b.abs(y), b.abs(x)
    same = b.logical_and(b.eq(a, c), b.logical_or(b.eq(a, 0.0), b.eq(a, math.inf)))
    both_zero = b.logical_and(same, b.eq(a, 0.0))
    # Two infinities are as 1 to 1, two zeros as 0 to 1; scaling avoids extremes.
    larger = b.max(a, c)
    factor = b.select(b.gt(larger, _LARGE), 2.0**-60, b.select(b.lt(larger, _SMALL), 2.0**90, 1.0))
    a = b.select(same, b.select(both_zero, 0.0, 1.0), b.mul(a, factor))
    c = b.select(same, 1.0, b.mul(c, factor))
    angle = _angle(b, a, c)
    left = b.lt(b.copysign(1.0, x), 0.0)
    mirrored = b.sub(math.pi, b.sub(angle, 2 * _HALF_PI_LOW))
    result = b.copysign(b.select(left, mirrored, angle), y)
    return b.select(b.is_nan(y), y, b.select(b.is_nan(x), x, result))
