"""Sums and products together with their rounding errors.

See Muller et al. (2018), *Handbook of Floating-Point Arithmetic*, sections 4.3 and 4.4.
"""

from __future__ import annotations

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value

_SPLITTER = 2.0**27 + 1


def two_sum(b: ScalarBuilder[Value, Condition, Int], x: Value, y: Value) -> tuple[Value, Value]:
    """``x + y`` rounded, and its error."""
    total = b.add(x, y)
    y_part = b.sub(total, x)
    return total, b.add(b.sub(x, b.sub(total, y_part)), b.sub(y, y_part))


def fast_two_sum(
    b: ScalarBuilder[Value, Condition, Int], x: Value | float, y: Value
) -> tuple[Value, Value]:
    """``x + y`` rounded, and its error, for ``x`` that is zero or not below ``y`` in magnitude."""
    total = b.add(x, y)
    return total, b.sub(y, b.sub(total, x))


def two_product(
    b: ScalarBuilder[Value, Condition, Int], x: Value, y: Value | float
) -> tuple[Value, Value]:
    """``x * y`` rounded, and its error; of factors below :math:`2^{995}`."""
    product = b.mul(x, y)
    if b.has_fma:
        return product, b.fma(x, y, b.neg(product))
    x_high, x_low = _halves(b, x)
    y_high, y_low = _halves(b, y)
    error = b.add(b.sub(b.mul(x_high, y_high), product), b.mul(x_high, y_low))
    return product, b.add(b.add(error, b.mul(x_low, y_high)), b.mul(x_low, y_low))


def less_product(
    b: ScalarBuilder[Value, Condition, Int], x: Value, y: Value, z: Value | float
) -> Value:
    """``x - y * z`` rounded once, for a result that is small beside ``x``."""
    if b.has_fma:
        return b.fma(b.neg(y), z, x)
    product, error = two_product(b, y, z)
    return b.sub(b.sub(x, product), error)


def _halves(b: ScalarBuilder[Value, Condition, Int], x: Value | float) -> tuple[Value, Value]:
    scaled = b.mul(x, _SPLITTER)
    high = b.sub(scaled, b.sub(scaled, x))
    return high, b.sub(x, high)
