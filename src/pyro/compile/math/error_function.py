r"""The error function and its complements.

:math:`(1 + 2x)\, e^{x^2} \mathrm{erfc}(x)` is smooth on :math:`[0, \infty]`: one polynomial in
:math:`(x - 3.75) / (x + 3.75)` covers all of it (Shepherd and Laframboise 1981, *Mathematics of
Computation* 36). The square in the exponent is carried with its rounding error.
"""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import ERF, ERF_TAIL, ERFCX
from pyro.compile.math.exact import two_product
from pyro.compile.math.exponential import exp_of_moderate, exp_sum
from pyro.compile.math.polynomial import polynomial

_MIDDLE = 3.75
_ERF_MIDDLE = 2.5
_ERF_IS_ONE = 6.0
_ALL_UNDERFLOWS = 40.0  # exp(-x**2) is zero beyond


def positive_erfcx(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`e^{x^2} \mathrm{erfc}(x)` for :math:`x \ge 0` within 4 ulp."""
    # Beyond, the quotient is 1 anyway, and infinity has none.
    near = b.min(x, 2.0**60)
    t = b.div(b.sub(near, _MIDDLE), b.add(near, _MIDDLE))
    # Half of numerator and denominator: twice a large number would be infinite.
    return b.div(b.mul(polynomial(b, t, ERFCX), 0.5), b.add(x, 0.5))


def erf(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    """The error function within 4 ulp."""
    a = b.min(b.abs(x), _ERF_IS_ONE)
    z = b.mul(a, a)
    t = b.div(b.sub(a, _ERF_MIDDLE), b.add(a, _ERF_MIDDLE))
    tail = b.mul(exp_of_moderate(b, b.neg(z)), polynomial(b, t, ERF_TAIL))
    small = b.mul(a, polynomial(b, z, ERF))
    return b.copysign(b.select(b.lt(a, 1.0), small, b.sub(1.0, tail)), x)


def erfc(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`1 - \mathrm{erf}(x)` within 6 ulp, in the tail too."""
    a = b.abs(x)
    square, error = two_product(b, b.min(a, _ALL_UNDERFLOWS), b.min(a, _ALL_UNDERFLOWS))
    tail = b.mul(exp_sum(b, b.neg(square), b.neg(error)), positive_erfcx(b, a))
    return b.select(b.lt(x, 0.0), b.sub(2.0, tail), tail)


def erfcx(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`e^{x^2} \mathrm{erfc}(x)` within 6 ulp."""
    a = b.abs(x)
    right = positive_erfcx(b, a)

    def left() -> Value:
        square, error = two_product(b, b.min(a, _ALL_UNDERFLOWS), b.min(a, _ALL_UNDERFLOWS))
        power = exp_sum(b, square, error)
        return b.sub(b.add(power, power), right)

    return b.rare(b.lt(x, 0.0), left, right)


def half_tail(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\frac12 e^{x^2/2}\, \mathrm{erfc}(x / \sqrt2)` for :math:`x \ge 0`."""
    return b.mul(positive_erfcx(b, b.mul(x, math.sqrt(0.5))), 0.5)
