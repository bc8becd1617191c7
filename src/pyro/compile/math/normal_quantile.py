r"""The inverses of the error function and of the normal distribution function.

:math:`\mathrm{erfinv}(x) / x` is a smooth function of :math:`w = -\log(1 - x^2)`, and far out of
its root. See Giles (2012), *Approximating the erfinv function*, GPU Computing Gems.
"""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import ERFINV, ERFINV_FAR, ERFINV_TAIL
from pyro.compile.math.logarithm import log
from pyro.compile.math.polynomial import polynomial

_TAIL_FROM = 6.25
_FAR_FROM = 36.0
_CENTRE = 4.25
_FAR_CENTRE = 0.1


def _ratio(b: ScalarBuilder[Value, Condition, Int], w: Value) -> Value:
    def tail() -> Value:
        root = b.sqrt(w)
        value = polynomial(b, b.sub(root, _CENTRE), ERFINV_TAIL)
        return b.rare(b.gt(w, _FAR_FROM), lambda: far(root), value)

    def far(root: Value) -> Value:
        return b.mul(root, polynomial(b, b.sub(b.div(1.0, root), _FAR_CENTRE), ERFINV_FAR))

    return b.rare(b.gt(w, _TAIL_FROM), tail, polynomial(b, w, ERFINV))


def erfinv(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r"""The inverse error function within 8 ulp; infinite at ±1, nan beyond."""
    a = b.abs(x)
    w = b.neg(log(b, b.mul(b.sub(1.0, a), b.add(1.0, a))))
    value = b.mul(x, _ratio(b, w))
    return b.select(b.eq(a, 1.0), b.copysign(math.inf, x), value)


def ndtri(b: ScalarBuilder[Value, Condition, Int], p: Value) -> Value:
    r""":math:`\Phi^{-1}(p)` within 8 ulp; infinite at 0 and 1, nan beyond.

    For a :math:`p` above one half the error is that of :math:`1 - p` besides.
    """
    x = b.mul(b.sub(p, 0.5), 2.0 * math.sqrt(2.0))
    w = b.neg(log(b, b.mul(b.mul(p, 4.0), b.sub(1.0, p))))
    value = b.mul(x, _ratio(b, w))
    value = b.select(b.eq(p, 0.0), -math.inf, value)
    return b.select(b.eq(p, 1.0), math.inf, value)
