"""Numbers as patterns of bits: powers of two and exponents."""

from __future__ import annotations

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value

ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it rounds, and leaves an integer in the low bits
MIN_NORMAL = 2.0**-1022
ONE_BITS = 0x3FF0000000000000
_MANTISSA_BITS = 0x000FFFFFFFFFFFFF
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_INTEGER_BITS = 0x4330000000000000  # 2**52
_BIASED = 2.0**52 + 1023


def power_of_two(b: ScalarBuilder[Value, Condition, Int], rounded: Value, offset: int = 0) -> Value:
    r""":math:`2^{n+k}` of ``rounded``, which is :math:`n` + ``ROUND``, and ``offset`` :math:`k`.

    The sum must be the exponent of a normal number.
    """
    exponent = b.shift_left(b.to_bits(rounded), 52)
    return b.from_bits(b.int_add(exponent, ONE_BITS + (offset << 52)))


def two_powers(b: ScalarBuilder[Value, Condition, Int], rounded: Value) -> tuple[Value, Value]:
    r"""Two normal numbers whose product is :math:`2^n`; ``rounded`` is :math:`n` + ``ROUND``.

    For :math:`|n| < 2000`.
    """
    word = b.to_bits(rounded)
    half = b.shift_right(word, 1)  # the low bits are those of n / 2, rounded down
    rest = b.int_sub(word, half)
    first, second = (b.int_add(b.shift_left(k, 52), ONE_BITS) for k in (half, rest))
    return b.from_bits(first), b.from_bits(second)


def split(b: ScalarBuilder[Value, Condition, Int], x: Value) -> tuple[Int, Value]:
    r"""The word :math:`e + 1023` and :math:`m \in [\sqrt{1/2}, \sqrt{2})`: :math:`x = 2^e m`.

    For positive normal numbers.
    """
    word = b.int_add(b.to_bits(x), ONE_BITS - SQRT_HALF_BITS)
    mantissa = b.int_add(b.int_and(word, _MANTISSA_BITS), SQRT_HALF_BITS)
    return b.shift_right(word, 52), b.from_bits(mantissa)


def unbiased(b: ScalarBuilder[Value, Condition, Int], biased: Int) -> Value:
    """The exponent of :func:`split` as a number."""
    return b.sub(b.from_bits(b.int_or(biased, _INTEGER_BITS)), _BIASED)
