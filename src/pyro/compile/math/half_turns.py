r"""Sine and cosine of :math:`\pi x`, whose reduction is exact."""

from __future__ import annotations

from typing import Generic, NamedTuple

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.coefficients import COSPI, SINPI
from pyro.compile.math.polynomial import polynomial


class HalfTurn(NamedTuple, Generic[Value]):
    r""":math:`x - r` is an integer and :math:`|r| \le \frac12`."""

    remainder: Value
    sine: Value  # |sin(pi r)|
    cosine: Value  # cos(pi r), which is not negative


def half_turn(b: ScalarBuilder[Value, Condition, Int], x: Value) -> HalfTurn[Value]:
    r"""The remainder of :math:`x`, and the sine and cosine of :math:`\pi` times it, 2 ulp."""
    r = b.sub(x, b.rint(x))
    distance = b.abs(r)
    beyond = b.gt(distance, 0.25)
    u = b.select(beyond, b.sub(0.5, distance), distance)
    z = b.mul(u, u)
    sine, cosine = b.mul(u, polynomial(b, z, SINPI)), polynomial(b, z, COSPI)
    return HalfTurn(r, b.select(beyond, cosine, sine), b.select(beyond, sine, cosine))


def cotangent(b: ScalarBuilder[Value, Condition, Int], turn: HalfTurn[Value]) -> Value:
    r""":math:`\cot \pi x`; infinite at integers."""
    return b.copysign(b.div(turn.cosine, turn.sine), turn.remainder)
