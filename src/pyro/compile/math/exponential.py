r"""Exponentials.

:math:`x = n \log 2 + r` with :math:`|r| \le \frac12 \log 2`, in two steps so that :math:`r` has no
rounding error but its own (Cody and Waite 1980, *Software Manual for the Elementary Functions*,
chapter 6); then :math:`e^r - 1 = r + r^2 q(r)` with a polynomial :math:`q`.
"""

from __future__ import annotations

import math
import struct

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import EXP
from pyro.compile.math.fractional_powers import FRACTIONAL_POWERS
from pyro.compile.math.polynomial import polynomial
from pyro.compile.math.words import ONE_BITS, ROUND, power_of_two, two_powers

LN2_HIGH = float.fromhex("0x1.62e42fefa38p-1")  # 42 bits: a product with an exponent is exact
LN2_LOW = float.fromhex("0x1.ef35793c7673p-45")
_LOG2_E = 1 / math.log(2)
_PARTS = len(FRACTIONAL_POWERS)
_POWERS = struct.unpack(f"<{_PARTS}q", struct.pack(f"<{_PARTS}d", *FRACTIONAL_POWERS))
# The sixth power of the series, 1/720, as the even polynomial of degree 4 that is nearest to it.
_REACH = math.log(2) / (2 * _PARTS)
_SQUARE, _FOURTH = 1 / 2 - 0.5625 * _REACH**4 / 720, 1 / 24 + 1.5 * _REACH**2 / 720
_OVERFLOW = 710.0
_UNDERFLOW = -746.0
_IDENTITY = 2.0**-54  # below it expm1(x) rounds to x
_ALL_LOST = -40.0  # below it expm1(x) rounds to -1


def _clamped(b: ScalarBuilder[Value, Condition, Int], x: Value, low: float, high: float) -> Value:
    return b.min(b.max(x, low), high)


def _expm1_of_remainder(b: ScalarBuilder[Value, Condition, Int], r: Value) -> Value:
    return b.fma(b.mul(r, r), polynomial(b, r, EXP), r)


def _reduced(b: ScalarBuilder[Value, Condition, Int], x: Value) -> tuple[Value, Value]:
    """``n + ROUND`` and the remainder."""
    rounded = b.fma(x, _LOG2_E, ROUND)
    n = b.sub(rounded, ROUND)
    return rounded, b.fma(n, -LN2_LOW, b.fma(n, -LN2_HIGH, x))


def _scaled_sum(b: ScalarBuilder[Value, Condition, Int], p: Value, rounded: Value) -> Value:
    r""":math:`2^n (1 + p)`, rounded twice if it is subnormal; overflows to infinity."""
    first, second = two_powers(b, rounded)
    return b.mul(b.fma(first, p, first), second)


def exp(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`e^x` within 1.1 ulp, subnormal results included."""
    rounded, r = _reduced(b, _clamped(b, x, _UNDERFLOW, _OVERFLOW))
    return _scaled_sum(b, _expm1_of_remainder(b, r), rounded)


def exp_by_table(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`e^x` within 1.1 ulp, where there is fused multiply-add and one number alone.

    :math:`x = k \frac{\log 2}{64} + r`, and :math:`2^{k/64}` comes from a table
    (Tang 1989, *Table-driven implementation of the exponential function*).
    """
    x = _clamped(b, x, _UNDERFLOW, _OVERFLOW)
    rounded = b.fma(x, _PARTS * _LOG2_E, ROUND)
    k = b.sub(rounded, ROUND)
    r = b.fma(k, -LN2_LOW / _PARTS, b.fma(k, -LN2_HIGH / _PARTS, x))
    square = b.mul(r, r)
    low, high = b.fma(r, 1 / 6, _SQUARE), b.fma(r, 1 / 120, _FOURTH)
    q = b.fma(square, b.fma(square, high, low), r)
    word = b.to_bits(rounded)
    n, half = b.shift_right(word, 6), b.shift_right(word, 7)
    part = b.table("powers", _POWERS, b.int_and(word, _PARTS - 1))
    first = b.from_bits(b.int_add(b.shift_left(half, 52), part))
    second = b.from_bits(b.int_add(b.shift_left(b.int_sub(n, half), 52), ONE_BITS))
    return b.mul(b.fma(first, q, first), second)


def exp_of_moderate(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`e^x` within 1.1 ulp for :math:`-708 \le x \le 709`, at a lower price."""
    rounded, r = _reduced(b, x)
    power = power_of_two(b, rounded)
    return b.fma(power, _expm1_of_remainder(b, r), power)


def exp_sum(b: ScalarBuilder[Value, Condition, Int], x: Value, low: Value) -> Value:
    r""":math:`e^{x + l}` within 1.1 ulp, for a correction :math:`l` far below 1."""
    rounded, r = _reduced(b, _clamped(b, x, _UNDERFLOW, _OVERFLOW))
    return _scaled_sum(b, _expm1_of_remainder(b, b.add(r, low)), rounded)


def exp2(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`2^x` within 1.1 ulp, subnormal results included; exact for integers."""
    x = _clamped(b, x, -1080.0, 1025.0)
    rounded = b.add(x, ROUND)
    r = b.mul(b.sub(x, b.sub(rounded, ROUND)), math.log(2))
    return _scaled_sum(b, _expm1_of_remainder(b, r), rounded)


def scaled_expm1(b: ScalarBuilder[Value, Condition, Int], x: Value, shift: int = 1) -> Value:
    r""":math:`2^{-k}(e^x - 1)` within 2.2 ulp for ``shift`` :math:`k`, which delays the overflow.

    For :math:`x \ge -40`, and :math:`x \le (1023 + k + \tfrac12) \log 2`.
    """
    rounded, r = _reduced(b, x)
    p = _expm1_of_remainder(b, r)
    power = power_of_two(b, rounded, -shift)
    return b.fma(power, p, b.sub(power, 2.0**-shift))


def expm1(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`e^x - 1` within 2.2 ulp."""
    half = scaled_expm1(b, _clamped(b, x, _ALL_LOST, _OVERFLOW))
    return b.select(b.lt(b.abs(x), _IDENTITY), x, b.add(half, half))
