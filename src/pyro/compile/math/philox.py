"""Random numbers as a function of a key and a position: a counter-based generator.

Philox 4x32 with ten rounds (Salmon, Moraes, Dror and Shaw 2011, *Parallel Random Numbers: As Easy
as 1, 2, 3*). A number does not depend on those before it, so it can be computed in any order, in
lanes, and again.
"""

from __future__ import annotations

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.words import ONE_BITS

ROUNDS = 10
_LOW = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)


def philox(
    b: ScalarBuilder[Value, Condition, Int],
    counter: tuple[Int, Int, Int, Int],
    key: tuple[Int, Int],
) -> tuple[Int, Int, Int, Int]:
    """Four random words of 32 bits; all words are below :math:`2^{32}`."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for number in range(ROUNDS):
        if number:
            k0 = b.int_and(b.int_add(k0, _WEYL[0]), _LOW)
            k1 = b.int_and(b.int_add(k1, _WEYL[1]), _LOW)
        first, second = b.int_mul(c0, _MULTIPLIERS[0]), b.int_mul(c2, _MULTIPLIERS[1])
        c0 = b.int_xor(b.int_xor(b.shift_right(second, 32), c1), k0)
        c2 = b.int_xor(b.int_xor(b.shift_right(first, 32), c3), k1)
        c1, c3 = b.int_and(second, _LOW), b.int_and(first, _LOW)
    return c0, c1, c2, c3


def uniform(
    b: ScalarBuilder[Value, Condition, Int], low: Value, high: Value, step: Value, position: Value
) -> Value:
    r"""A number in :math:`(0, 1)`, one of the :math:`2^{52}` odd multiples of :math:`2^{-53}`.

    :param low: the lower 32 bits of the seed, as a number; ``high`` the others.
    :param step: a number below :math:`2^{51}`, as is ``position``: the counter.
    """
    count, place = b.to_int(step), b.to_int(position)
    counter = (
        b.int_and(place, _LOW),
        b.shift_right(place, 32),
        b.int_and(count, _LOW),
        b.shift_right(count, 32),
    )
    first, second, _, _ = philox(b, counter, (b.to_int(low), b.to_int(high)))
    word = b.int_or(b.shift_left(first, 32), second)
    one_to_two = b.from_bits(b.int_or(b.shift_right(word, 12), ONE_BITS))
    return b.sub(one_to_two, 1.0 - 2.0**-53)
