"""Powers with a constant integer exponent."""

from __future__ import annotations

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value


def integer_power(b: ScalarBuilder[Value, Condition, Int], x: Value, n: int) -> Value:
    """``x**n`` by repeated squaring, within ``abs(n)`` ulp; a reciprocal for negative ``n``."""
    result: Value | None = None
    square, left = x, abs(n)
    while left:
        if left & 1:
            result = square if result is None else b.mul(result, square)
        left >>= 1
        if left:
            square = b.mul(square, square)
    if result is None:
        return b.const(1.0)
    return b.div(1.0, result) if n < 0 else result
