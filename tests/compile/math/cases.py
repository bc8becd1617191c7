"""Special functions with exact values, where to try them, and what they promise."""

from __future__ import annotations

from typing import NamedTuple

from mpmath import mp

from tests.compile.math import exact
from tests.compile.math.accuracy import Exact


class Case(NamedTuple):
    """``exact`` is in mpmath; ``absolute`` excuses errors near zeros of the function."""

    name: str
    exact: Exact
    intervals: tuple[tuple[float, float], ...]
    ulps: float
    absolute: float = 0.0


SMALL, NEAR_ONE = (-1e-5, 1e-5), (0.7, 1.5)
TURNS = (-1.6, 1.6), (-100, 100), (-1e9, 1e9)

CASES = (
    Case("exp", mp.exp, ((-745.1, -708), (-708, 709.7), (-1, 1), SMALL), 1.1),
    Case("exp2", lambda x: mp.mpf(2) ** x, ((-1074, -1022), (-1022, 1023.9), (-1, 1)), 1.1),
    Case("expm1", mp.expm1, ((-50, 709.7), (-1, 1), SMALL, (-1e-300, 1e-310)), 2.2),
    Case("log", mp.log, ((5e-324, 1e-310), (0, 2), NEAR_ONE, (1, 1e10), (1e300, 1e308)), 1.3),
    Case("log2", lambda x: mp.log(x, 2), ((5e-324, 1e-310), (0, 2), NEAR_ONE, (1, 1e10)), 2),
    Case("log10", mp.log10, ((5e-324, 1e-310), (0, 2), NEAR_ONE, (1, 1e10)), 2),
    Case("log1p", mp.log1p, ((-1, 1), SMALL, (1, 1e5), (1e15, 1e20), (-1e-300, 1e-310)), 1.5),
    Case("log1p_of_positive", mp.log1p, ((0, 1), (0, 1e-5), (1, 1e5), (1e307, 1e308)), 2),
    Case("log1p_of_fraction", mp.log1p, ((0, 1), (0, 1e-5), (0.4, 0.43), (1e-310, 1e-300)), 2),
    Case("sinh", mp.sinh, ((-710.47, 710.47), (-2, 2), SMALL), 3),
    Case("cosh", mp.cosh, ((-710.47, 710.47), (-2, 2), SMALL), 3),
    Case("tanh", mp.tanh, ((-25, 25), (-1, 1), SMALL, (-1e-300, 1e-310)), 3),
    Case("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), ((-745, -708), (-708, 40), (-2, 2)), 3),
    Case("softplus", lambda x: mp.log1p(mp.exp(x)), ((-745, -30), (-30, 60), (-2, 2)), 3),
    Case("log_sigmoid", lambda x: -mp.log1p(mp.exp(-x)), ((-60, 30), (30, 745), (-2, 2)), 3),
    Case("sin", mp.sin, (*TURNS, (3.14159, 3.1416), SMALL), 3),
    Case("cos", mp.cos, (*TURNS, (1.5707, 1.5709), SMALL), 3),
    Case("tan", mp.tan, (*TURNS, (1.5707, 1.5709), (3.14159, 3.1416), SMALL), 4),
    Case("asin", mp.asin, ((-1, 1), (0.99, 1), SMALL), 3),
    Case("acos", mp.acos, ((-1, 1), (0.99, 1), (-1, -0.99), SMALL), 3),
    Case("atan", mp.atan, ((-1, 1), (-10, 10), (1e5, 1e300), SMALL), 3),
    Case("asinh", mp.asinh, ((-3, 3), (-1e10, 1e10), (1e200, 1e308), SMALL), 4),
    Case("acosh", mp.acosh, ((1, 1.001), (1, 5), (5, 1e10), (1e200, 1e308)), 4),
    Case("atanh", mp.atanh, ((-1, 1), (0.99, 1), SMALL), 4),
    Case("lgamma", exact.log_gamma, ((0, 6), (0.9, 1.1), (1.9, 2.1), (5, 70), (70, 1e6)), 6),
    Case("digamma", mp.digamma, ((0, 1), (1, 6), (1.46, 1.463), (5, 100), (1e3, 1e9)), 6, 2e-15),
    Case("trigamma", exact.polygamma(1), ((0, 1), (1, 7), (6, 1e3), (-5, 0)), 10),
    Case("polygamma2", exact.polygamma(2), ((0, 1), (1, 50), (1e3, 1e9), (-5, 0)), 40),
    Case("polygamma3", exact.polygamma(3), ((0, 1), (1, 50), (1e3, 1e9), (-5, 0)), 40),
    Case("erf", mp.erf, ((-1, 1), (-6, 6), SMALL), 4),
    Case("erfc", mp.erfc, ((-6, 6), (-1, 1), (1, 10), (10, 26.5)), 6),
    Case("erfcx", exact.erfcx, ((-26, 0), (0, 1), (1, 10), (10, 1e5)), 6),
    Case("ndtr", exact.ndtr, ((-37.5, -1), (-1, 1), (1, 9)), 7),
    Case("log_ndtr", exact.log_ndtr, ((-1e6, -40), (-40, -1), (-1, 1), (1, 30)), 8),
    Case("erfinv", exact.erfinv, ((-0.9, 0.9), (0.9, 0.99999), (1 - 1e-10, 1), SMALL), 8),
    Case("ndtri", exact.ndtri, ((0.01, 0.99), (1e-10, 1e-2), (1e-300, 1e-290)), 8),
    Case("i0", exact.bessel(0, scaled=False), ((-9, 9), (8, 713)), 6),
    Case("i0e", exact.bessel(0, scaled=True), ((-9, 9), (8, 1e5)), 6),
    Case("i1", exact.bessel(1, scaled=False), ((-9, 9), (8, 713), SMALL), 6),
    Case("i1e", exact.bessel(1, scaled=True), ((-9, 9), (8, 1e5), SMALL), 6),
    Case("sinc", exact.sinc, ((-0.3, 0.3), (-10, 10), SMALL), 4),
)

# Among the zeros of these, the error is absolute.
NEGATIVE = (
    Case("lgamma", exact.log_gamma, ((-5, 0), (-50, -5)), 6, 2e-14),
    Case("digamma", mp.digamma, ((-5, 0), (-50, -5)), 50, 1e-14),
)
