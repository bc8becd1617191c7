r"""The normal distribution function and its logarithm.

:math:`\Phi(-x) = e^{-x^2/2} \cdot \frac12 \mathrm{erfcx}(x / \sqrt2)`.
"""

from __future__ import annotations

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.error_function import half_tail
from pyro.compile.math.exact import two_product
from pyro.compile.math.exponential import exp_sum
from pyro.compile.math.logarithm import log_of_sum

_ALL_UNDERFLOWS = 40.0


def _upper_tail(b: ScalarBuilder[Value, Condition, Int], a: Value, scaled: Value) -> Value:
    limited = b.min(a, _ALL_UNDERFLOWS)
    square, error = two_product(b, limited, limited)
    return b.mul(exp_sum(b, b.mul(square, -0.5), b.mul(error, -0.5)), scaled)


def ndtr(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\Phi(x)` within 7 ulp, in the lower tail too."""
    a = b.abs(x)
    tail = _upper_tail(b, a, half_tail(b, a))
    return b.select(b.gt(x, 0.0), b.sub(1.0, tail), tail)


def log_ndtr(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\log \Phi(x)` within 8 ulp, in both tails."""
    a = b.abs(x)
    scaled = half_tail(b, a)
    upper = b.gt(x, 0.0)
    tail = _upper_tail(b, a, scaled)
    rest = b.sub(1.0, tail)
    low = b.sub(b.sub(1.0, rest), tail)
    logarithm = log_of_sum(b, b.select(upper, rest, scaled), b.select(upper, low, 0.0))
    # Once the tail is below an ulp of 1, its logarithm is its own negative: no digit is lost.
    logarithm = b.select(b.logical_and(upper, b.eq(rest, 1.0)), b.neg(tail), logarithm)
    below = b.min(x, 0.0)
    return b.fma(b.mul(below, -0.5), below, logarithm)
