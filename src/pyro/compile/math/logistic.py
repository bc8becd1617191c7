"""The logistic function and its logarithm, and sums on a logarithmic scale."""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.exponential import exp
from pyro.compile.math.logarithm import log1p_of_fraction


def sigmoid(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`1 / (1 + e^{-x})` within 3 ulp, in both tails."""
    z = exp(b, b.neg(b.abs(x)))
    return b.div(b.select(b.lt(x, 0.0), z, 1.0), b.add(z, 1.0))


def softplus(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\log(1 + e^x)` within 3 ulp, without torch's threshold."""
    return b.add(b.max(x, 0.0), _log1p_exp(b, b.neg(b.abs(x))))


def log_sigmoid(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`-\log(1 + e^{-x})` within 3 ulp."""
    return b.sub(b.min(x, 0.0), _log1p_exp(b, b.neg(b.abs(x))))


def logaddexp(b: ScalarBuilder[Value, Condition, Int], x: Value, y: Value) -> Value:
    r""":math:`\log(e^x + e^y)` within 3 ulp where it is not near zero; there, absolutely."""
    # An infinity has no difference from itself.
    same = b.logical_and(b.eq(x, y), b.eq(b.abs(x), math.inf))
    gap = b.neg(b.abs(b.select(same, 0.0, b.sub(x, y))))
    larger = b.select(b.is_nan(y), y, b.max(x, y))
    return b.add(larger, b.select(same, 0.0, _log1p_exp(b, gap)))


def _log1p_exp(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    return log1p_of_fraction(b, exp(b, x))
