r"""Modified Bessel functions of the first kind.

A polynomial in :math:`x^2 / 4`, whose coefficients are positive, up to 8; beyond, one in
:math:`1/x` times :math:`e^x / \sqrt{x}`. See DLMF 10.25.2 and 10.40.1.
"""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import (
    BESSEL_I0,
    BESSEL_I0_LARGE,
    BESSEL_I1,
    BESSEL_I1_LARGE,
)
from pyro.compile.math.exponential import exp, exp_of_moderate
from pyro.compile.math.polynomial import polynomial

_LARGE_FROM = 8.0
_SMALL = (BESSEL_I0, BESSEL_I1)
_LARGE = (BESSEL_I0_LARGE, BESSEL_I1_LARGE)
_LOG_LARGEST = math.log(1.7e308)


def _small(b: ScalarBuilder[Value, Condition, Int], order: int, a: Value) -> Value:
    value = polynomial(b, b.mul(b.mul(a, a), 0.25), _SMALL[order])
    return b.mul(b.mul(value, 0.5), a) if order else value


def _large(b: ScalarBuilder[Value, Condition, Int], order: int, a: Value) -> Value:
    return b.div(polynomial(b, b.div(1.0, a), _LARGE[order]), b.sqrt(a))


def _scaled(b: ScalarBuilder[Value, Condition, Int], order: int, x: Value) -> Value:
    a = b.abs(x)
    damping = exp_of_moderate(b, b.neg(b.min(a, _LARGE_FROM)))
    near = b.mul(_small(b, order, a), damping)
    value = b.rare(b.gt(a, _LARGE_FROM), lambda: _large(b, order, a), near)
    return b.copysign(value, x) if order else value


def _plain(b: ScalarBuilder[Value, Condition, Int], order: int, x: Value) -> Value:
    a = b.abs(x)

    def far() -> Value:
        # The root of the exponential twice, since the function overflows later than it.
        root = exp(b, b.mul(a, 0.5))
        value = b.mul(b.mul(_large(b, order, a), root), root)
        return b.select(b.eq(a, math.inf), a, value)

    value = b.rare(b.gt(a, _LARGE_FROM), far, _small(b, order, a))
    return b.copysign(value, x) if order else value


def i0(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """:math:`I_0(x)` within 6 ulp."""
    return _plain(b, 0, x)


def i0e(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`e^{-|x|} I_0(x)` within 6 ulp."""
    return _scaled(b, 0, x)


def i1(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """:math:`I_1(x)` within 6 ulp."""
    return _plain(b, 1, x)


def i1e(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`e^{-|x|} I_1(x)` within 6 ulp."""
    return _scaled(b, 1, x)
