"""Hyperbolic functions, by way of expm1, so that they keep their digits near zero."""

from __future__ import annotations

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.exponential import scaled_expm1

_OVERFLOW = 710.6  # above the largest argument of a finite sinh, and safe for scaled_expm1
_TANH_IS_ONE = 20.0
_HUGE = 2.0**60
_IDENTITY = 2.0**-30


def _half_expm1(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """Half of expm1, finite wherever sinh and cosh are."""
    quarter = scaled_expm1(b, b.min(x, _OVERFLOW), 2)
    return b.add(quarter, quarter)


def sinh(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The hyperbolic sine within 3 ulp."""
    h = _half_expm1(b, b.abs(x))
    finite = b.min(h, _HUGE)
    magnitude = b.add(h, b.div(finite, b.add(b.add(finite, finite), 1.0)))
    return b.select(b.lt(b.abs(x), _IDENTITY), x, b.copysign(magnitude, x))


def cosh(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The hyperbolic cosine within 3 ulp."""
    half_exp = b.add(_half_expm1(b, b.abs(x)), 0.5)
    return b.add(half_exp, b.div(0.25, half_exp))


def tanh(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The hyperbolic tangent within 3 ulp."""
    h = scaled_expm1(b, b.mul(b.min(b.abs(x), _TANH_IS_ONE), -2.0))
    return b.copysign(b.div(h, b.add(h, 1.0)), x)
