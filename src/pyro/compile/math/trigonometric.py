r"""Sine, cosine and tangent.

The argument is reduced by a multiple of :math:`\pi`, or of :math:`\pi/2` for the tangent, whose
three parts have 159 bits; the remainder has a correction (Cody and Waite 1980, chapter 8). Beyond
:math:`2^{30}` the C library is called.
"""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import COS_SHORT, SIN, SIN_SHORT
from pyro.compile.math.exact import less_product, two_product, two_sum
from pyro.compile.math.polynomial import polynomial
from pyro.compile.math.words import ROUND

_PI = tuple(
    map(float.fromhex, ("0x1.921fb54442d18p+1", "0x1.1a62633145c07p-53", "-0x1.f1976b7ed8fbcp-109"))
)
_HALF_PI = tuple(part / 2 for part in _PI)
_REDUCED_BELOW = 2.0**30
_IDENTITY = 2.0**-27


def _remainder(
    b: ScalarBuilder[Value, Condition, Int], x: Value, n: Value, period: tuple[float, ...]
) -> tuple[Value, Value]:
    """``x`` less ``n`` periods, and a correction."""
    first = less_product(b, x, n, period[0])
    product, product_error = two_product(b, n, period[1])
    r, error = two_sum(b, first, b.neg(product))
    return r, b.sub(error, b.fma(n, period[2], product_error))


def _with_parity(b: ScalarBuilder[Value, Condition, Int], x: Value, rounded: Value) -> Value:
    """``x``, negated where the integer in ``rounded``, which is more by ``ROUND``, is odd."""
    sign = b.shift_left(b.to_bits(rounded), 63)
    return b.from_bits(b.int_xor(b.to_bits(x), sign))


def _sine(b: ScalarBuilder[Value, Condition, Int], r: Value, low: Value) -> Value:
    z = b.mul(r, r)
    correction = b.mul(low, b.fma(z, -0.5, 1.0))
    return b.add(r, b.fma(b.mul(r, z), polynomial(b, z, SIN), correction))


def _or_libm(b: ScalarBuilder[Value, Condition, Int], name: str, x: Value, value: Value) -> Value:
    near = b.lt(b.abs(x), _REDUCED_BELOW)
    return b.rare(b.logical_not(near), lambda: b.libm(name, x), value)


def sin(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r"""The sine within 3 ulp, for :math:`|x| < 2^{30}`; else as the C library has it."""
    rounded = b.fma(x, 1 / math.pi, ROUND)
    r, low = _remainder(b, x, b.sub(rounded, ROUND), _PI)
    value = _with_parity(b, _sine(b, r, low), rounded)
    value = b.select(b.lt(b.abs(x), _IDENTITY), x, value)
    return _or_libm(b, "sin", x, value)


def cos(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r"""The cosine within 3 ulp, for :math:`|x| < 2^{30}`; else as the C library has it."""
    # cos(x) = sin(x + pi/2): x is reduced by an odd number of half periods.
    rounded = b.add(b.fma(x, 1 / math.pi, 0.5), ROUND)
    n = b.sub(b.sub(rounded, ROUND), 0.5)
    r, low = _remainder(b, x, n, _PI)
    return _or_libm(b, "cos", x, _with_parity(b, _sine(b, r, low), rounded))


def tan(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r"""The tangent within 4 ulp, for :math:`|x| < 2^{30}`; else as the C library has it."""
    rounded = b.fma(x, 2 / math.pi, ROUND)
    r, low = _remainder(b, x, b.sub(rounded, ROUND), _HALF_PI)
    z = b.mul(r, r)
    sine = b.add(r, b.fma(b.mul(r, z), polynomial(b, z, SIN_SHORT), low))
    quartic = b.fma(b.mul(z, z), polynomial(b, z, COS_SHORT), b.neg(b.mul(r, low)))
    cosine = b.add(b.sub(1.0, b.mul(z, 0.5)), quartic)
    odd = b.lt(_with_parity(b, b.const(1.0), rounded), 0.0)
    quotient = b.div(b.select(odd, b.neg(cosine), sine), b.select(odd, sine, cosine))
    value = b.select(b.lt(b.abs(x), _IDENTITY), x, quotient)
    return _or_libm(b, "tan", x, value)
