"""Products with a logarithm that are zero where their factor is, and the cardinal sine."""

from __future__ import annotations

import math

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.half_turns import half_turn
from pyro.compile.math.logarithm import log, log1p


def _zero_wins(
    b: ScalarBuilder[Value, Condition, Int], x: Value, y: Value, logarithm: Value
) -> Value:
    product = b.mul(x, logarithm)
    return b.select(b.is_nan(y), y, b.select(b.eq(x, 0.0), 0.0, product))


def xlogy(b: ScalarBuilder[Value, Condition, Int], x: Value, y: Value) -> Value:
    r""":math:`x \log y` within 2 ulp; zero where :math:`x` is, unless :math:`y` is nan."""
    return _zero_wins(b, x, y, log(b, y))


def xlog1py(b: ScalarBuilder[Value, Condition, Int], x: Value, y: Value) -> Value:
    r""":math:`x \log(1 + y)` within 3 ulp; zero where :math:`x` is, unless :math:`y` is nan."""
    return _zero_wins(b, x, y, log1p(b, y))


def sinc(b: ScalarBuilder[Value, Condition, Int], x: Value) -> Value:
    r""":math:`\sin(\pi x) / (\pi x)` within 4 ulp, 1 at zero."""
    turn = half_turn(b, x)
    odd_turns = b.ne(b.sub(x, b.mul(b.rint(b.mul(x, 0.5)), 2.0)), turn.remainder)
    sine = b.copysign(turn.sine, turn.remainder)
    sine = b.select(odd_turns, b.neg(sine), sine)
    return b.select(b.eq(x, 0.0), 1.0, b.div(sine, b.mul(x, math.pi)))
