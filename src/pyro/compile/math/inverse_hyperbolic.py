"""Inverse hyperbolic functions, by way of log1p."""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.logarithm import log1p

_SQUARE_OVERFLOWS = 2.0**500


def asinh(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The inverse hyperbolic sine within 4 ulp."""
    a = b.abs(x)
    near = b.min(a, _SQUARE_OVERFLOWS)
    z = b.mul(near, near)
    excess = b.add(near, b.div(z, b.add(b.sqrt(b.add(z, 1.0)), 1.0)))
    value = _log1p_or_far(b, a, excess)
    return b.copysign(value, x)


def acosh(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The inverse hyperbolic cosine within 4 ulp; nan below 1."""
    excess = b.sub(b.select(b.lt(x, 1.0), math.nan, b.min(x, _SQUARE_OVERFLOWS)), 1.0)
    return _log1p_or_far(b, x, b.add(excess, b.sqrt(b.mul(excess, b.add(excess, 2.0)))))


def _log1p_or_far(b: ScalarBuilder[Value, Condition, Int], a: Value, excess: Value) -> Value:
    """``log1p(excess)``, or ``log(2 * a)`` where the square of ``a`` would overflow."""
    far = b.gt(a, _SQUARE_OVERFLOWS)
    value = log1p(b, b.select(far, a, excess))
    return b.add(value, b.select(far, math.log(2), 0.0))


def atanh(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The inverse hyperbolic tangent within 4 ulp; infinite at ±1, nan beyond."""
    a = b.abs(x)
    value = log1p(b, b.div(b.add(a, a), b.sub(1.0, a)))
    return b.copysign(b.mul(value, 0.5), x)
