r"""Derivatives of the logarithm of the gamma function.

Arguments below 6 are shifted by 6. What the shift costs, the sum of :math:`(x + k)^{-1}` or of
:math:`(x + k)^{-2}`, is one quotient of polynomials with positive coefficients. Then the
asymptotic series; below zero, the reflection. See DLMF 5.5.2, 5.5.4, 5.11.2 and 25.11.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import DIGAMMA, TRIGAMMA
from pyro.compile.math.function import Function
from pyro.compile.math.half_turns import cotangent, half_turn
from pyro.compile.math.integer_power import integer_power
from pyro.compile.math.logarithm import log
from pyro.compile.math.polynomial import polynomial

_SHIFT = 6
_BERNOULLI = tuple(
    Fraction(n, d)
    for n, d in (
        (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510),
    )
)  # fmt: skip


def _product(p: list[int], q: list[int]) -> list[int]:
    result = [0] * (len(p) + len(q) - 1)
    for i, c in enumerate(p):
        for j, d in enumerate(q):
            result[i + j] += c * d
    return result


def _derivative(p: list[int]) -> list[int]:
    return [k * c for k, c in enumerate(p)][1:]


def _rising() -> list[int]:
    """Coefficients of x (x + 1) ... (x + 5)."""
    result = [1]
    for k in range(_SHIFT):
        result = _product(result, [k, 1])
    return result


def _squares() -> list[int]:
    """The numerator of the sum of (x + k)**-2 over the square of the rising product."""
    p = _rising()
    first, second = _derivative(p), _derivative(_derivative(p))
    return [c - d for c, d in zip(_product(first, first), _product(p, second), strict=True)]


_RISING = tuple(map(float, _rising()))
_RISING_DERIVATIVE = tuple(map(float, _derivative(_rising())))
_SQUARES = tuple(map(float, _squares()))


def _mirrored(b: ScalarBuilder[Value, Condition, Int], x: Value) -> tuple[Condition, Value]:
    negative = b.lt(x, 0.0)
    return negative, b.select(negative, b.sub(1.0, x), x)


def digamma(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\psi(x) = \Gamma'(x) / \Gamma(x)` within 6 ulp, or :math:`2 \cdot 10^{-15}`.

    For negative arguments :math:`2 \cdot 10^{-15}` relative to :math:`1 + |\psi|`; nan at the
    negative integers and :math:`\mp\infty` at :math:`\pm 0`, as in torch.
    """
    negative, w = _mirrored(b, x)
    small = b.lt(w, float(_SHIFT))
    y = b.select(small, b.add(w, float(_SHIFT)), w)
    sum_ = b.div(polynomial(b, w, _RISING_DERIVATIVE), polynomial(b, w, _RISING))
    inverse = b.div(1.0, y)
    z = b.mul(inverse, inverse)
    series = b.fma(inverse, 0.5, b.mul(z, polynomial(b, z, DIGAMMA)))
    value = b.sub(b.sub(log(b, y), series), b.select(small, sum_, 0.0))

    def reflected() -> Value:
        turn = half_turn(b, x)
        mirror = b.sub(value, b.mul(cotangent(b, turn), math.pi))
        return b.select(b.eq(turn.remainder, 0.0), math.nan, mirror)

    return b.rare(negative, reflected, value)


def trigamma(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\psi'(x)` within 10 ulp; infinite at zero and the negative integers."""
    negative, w = _mirrored(b, x)
    small = b.lt(w, float(_SHIFT))
    y = b.select(small, b.add(w, float(_SHIFT)), w)
    rising = polynomial(b, w, _RISING)
    sum_ = b.div(polynomial(b, w, _SQUARES), b.mul(rising, rising))
    inverse = b.div(1.0, y)
    z = b.mul(inverse, inverse)
    series = b.fma(b.mul(z, inverse), polynomial(b, z, TRIGAMMA), b.mul(z, 0.5))
    value = b.add(b.add(series, inverse), b.select(small, sum_, 0.0))

    def reflected() -> Value:
        ratio = b.div(math.pi, half_turn(b, x).sine)
        return b.sub(b.mul(ratio, ratio), value)

    return b.rare(negative, reflected, value)


def hurwitz_zeta(b: ScalarBuilder[Value, Condition, Int], s: int, x: Value) -> Value:
    r""":math:`\zeta(s, x) = \sum_{k \ge 0} (x + k)^{-s}`, :math:`s \ge 2`, :math:`x \ge 0`.

    Within :math:`10^{-14}`, relative; by Euler and Maclaurin's formula.
    """
    shift = 10 + s
    y = b.add(x, float(shift))
    inverse = b.div(1.0, y)
    z = b.mul(inverse, inverse)
    terms = [
        float(number * math.prod(range(s, s + 2 * j - 1)) / math.factorial(2 * j))
        for j, number in enumerate(_BERNOULLI, 1)
    ]
    corrections = b.fma(z, polynomial(b, z, terms), b.mul(inverse, 0.5))
    total = b.mul(integer_power(b, inverse, s - 1), b.add(corrections, 1.0 / (s - 1)))
    for k in reversed(range(shift)):
        total = b.add(total, integer_power(b, b.div(1.0, b.add(x, float(k))), s))
    return total


def _cotangent_derivative(n: int) -> list[int]:
    """The n-th derivative of cot, a polynomial in cot, up to the sign of (-1)**n."""
    p = [0, 1]
    for _ in range(n):
        p = _product([1, 0, 1], _derivative(p))
    return p


@cache
def polygamma(n: int) -> Function:
    r"""The function :math:`\psi^{(n)}`, the (n + 1)-st derivative of :math:`\log \Gamma`.

    Within :math:`10^{-14}`, relative, for positive arguments, beyond the trigamma function.

    :param n: the order, from 0.
    """
    if n == 0:
        return Function("digamma", digamma, inline=False)
    if n == 1:
        return Function("trigamma", trigamma, inline=False)
    # The derivatives are even or odd polynomials: the other coefficients are left out, since
    # they would be multiplied by infinity.
    reflection = [float(c) for c in _cotangent_derivative(n) if c]
    odd = n % 2 == 0
    sign, factorial = (-1) ** (n + 1), math.factorial(n)

    def build(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
        negative, w = _mirrored(b, x)
        zeta = b.mul(hurwitz_zeta(b, n + 1, b.add(w, 0.0)), float(factorial))

        def reflected() -> Value:
            c = cotangent(b, half_turn(b, x))
            value = polynomial(b, b.mul(c, c), reflection)
            value = b.mul(b.mul(value, c) if odd else value, math.pi ** (n + 1))
            # The sign of zeta is that of psi at the mirrored point, of which (-1)**n is taken.
            return b.sub(b.mul(value, float(sign)), zeta)

        return b.rare(negative, reflected, b.mul(zeta, float(sign)))

    return Function(f"polygamma{n}", build, inline=False)
