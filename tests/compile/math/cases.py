"""Special functions with exact values, where to try them, and what they promise."""

from __future__ import annotations

from typing import NamedTuple

from mpmath import mp

from tests.compile.math.accuracy import Exact


class Case(NamedTuple):
    """``exact`` is in mpmath; ``absolute`` excuses errors near zeros of the function."""

    name: str
    exact: Exact
    intervals: tuple[tuple[float, float], ...]
    ulps: float
    absolute: float = 0.0


SMALL, NEAR_ONE = (-1e-5, 1e-5), (0.7, 1.5)

CASES = (
    Case("exp", mp.exp, ((-745.1, -708), (-708, 709.7), (-1, 1), SMALL), 1.1),
    Case("exp2", lambda x: mp.mpf(2) ** x, ((-1074, -1022), (-1022, 1023.9), (-1, 1)), 1.1),
    Case("expm1", mp.expm1, ((-50, 709.7), (-1, 1), SMALL, (-1e-300, 1e-310)), 2.2),
    Case("log", mp.log, ((5e-324, 1e-310), (0, 2), NEAR_ONE, (1, 1e10), (1e300, 1e308)), 1.3),
    Case("log2", lambda x: mp.log(x, 2), ((5e-324, 1e-310), (0, 2), NEAR_ONE, (1, 1e10)), 2),
    Case("log10", mp.log10, ((5e-324, 1e-310), (0, 2), NEAR_ONE, (1, 1e10)), 2),
    Case("log1p", mp.log1p, ((-1, 1), SMALL, (1, 1e5), (1e15, 1e20), (-1e-300, 1e-310)), 1.5),
    Case("sinh", mp.sinh, ((-710.47, 710.47), (-2, 2), SMALL), 3),
    Case("cosh", mp.cosh, ((-710.47, 710.47), (-2, 2), SMALL), 3),
    Case("tanh", mp.tanh, ((-25, 25), (-1, 1), SMALL, (-1e-300, 1e-310)), 3),
    Case("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), ((-745, -708), (-708, 40), (-2, 2)), 3),
    Case("softplus", lambda x: mp.log1p(mp.exp(x)), ((-745, -30), (-30, 60), (-2, 2)), 3),
    Case("log_sigmoid", lambda x: -mp.log1p(mp.exp(-x)), ((-60, 30), (30, 745), (-2, 2)), 3),
)
