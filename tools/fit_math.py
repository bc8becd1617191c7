"""Computes the coefficients of the special functions of ``pyro.compile.math``.

Each is a polynomial that interpolates a smooth function at the Chebyshev nodes of an interval, in
the arithmetic of mpmath. The reported error is relative, of the rounded coefficients.

Run as ``python tools/fit_math.py``; it rewrites ``src/pyro/compile/math/coefficients.py``.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mpmath import mp

TARGET = Path(__file__).parents[1] / "src/pyro/compile/math/coefficients.py"
HEADER = '''"""Coefficients of polynomials, lowest power first; written by ``tools/fit_math.py``."""

from __future__ import annotations

# fmt: off
'''
DIGITS = 120
STIRLING_FROM = 6.0
ERFCX_MIDDLE = 3.75
ERF_MIDDLE = 2.5
BESSEL_LARGE_FROM = 8.0
ERFINV_CENTRE = 4.25
ERFINV_FAR_CENTRE = 0.1
TINY = 1e-30  # below it a limit takes the place of a difference
CHECKED = 300  # points at which the error of a fit is measured

Number = Any  # mpmath ships no types
RealFunction = Callable[[Number], Number]


class Fit(NamedTuple):
    """A function, the interval on which it is approximated, and the degree of the polynomial."""

    name: str
    meaning: str
    function: RealFunction
    low: float
    high: float
    degree: int


def nodes(low: Number, high: Number, count: int) -> list[Number]:
    """Zeros of the Chebyshev polynomial of degree ``count`` on an interval."""
    middle, half = (low + high) / 2, (high - low) / 2
    return [middle + half * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]


def interpolate(fit: Fit) -> list[float]:
    """Coefficients of the interpolating polynomial, each rounded to double."""
    points = nodes(mp.mpf(fit.low), mp.mpf(fit.high), fit.degree + 1)
    matrix = mp.matrix([[x**k for k in range(fit.degree + 1)] for x in points])
    values = mp.matrix([fit.function(x) for x in points])
    return [float(c) for c in mp.lu_solve(matrix, values)]


def error(fit: Fit, coefficients: list[float]) -> float:
    """The largest relative error on a grid, as a power of two."""
    ratios = [
        mp.polyval([mp.mpf(c) for c in coefficients[::-1]], x) / fit.function(x) - 1
        for x in nodes(mp.mpf(fit.low), mp.mpf(fit.high), CHECKED)
    ]
    return float(mp.log(max(abs(r) for r in ratios), 2))


def exp_remainder(r: Number) -> Number:
    return (mp.expm1(r) - r) / r**2 if abs(r) > TINY else mp.mpf(1) / 2 + r / 6


def log_remainder(z: Number) -> Number:
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3


def log_second_remainder(z: Number) -> Number:
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s - 2 * s**3 / 3) / s**5


def log_gamma_between_zeros(t: Number) -> Number:
    s = t + mp.mpf(1) / 2
    return mp.loggamma(1 + s) / (s * (s - 1))


def stirling_remainder(z: Number) -> Number:
    x = 1 / mp.sqrt(z)
    return x * (mp.loggamma(x) - (x - mp.mpf(1) / 2) * mp.log(x) + x - mp.log(2 * mp.pi) / 2)


def digamma_remainder(z: Number) -> Number:
    x = 1 / mp.sqrt(z)
    return (mp.log(x) - 1 / (2 * x) - mp.digamma(x)) * x**2


def trigamma_remainder(z: Number) -> Number:
    x = 1 / mp.sqrt(z)
    return (mp.polygamma(1, x) - 1 / x - 1 / (2 * x**2)) * x**3


def sinpi_ratio(z: Number) -> Number:
    r = mp.sqrt(z)
    return mp.sinpi(r) / r


def cospi_of_square(z: Number) -> Number:
    return mp.cospi(mp.sqrt(z))


def sin_remainder(z: Number) -> Number:
    r = mp.sqrt(z)
    return (mp.sin(r) - r) / r**3


def cos_remainder(z: Number) -> Number:
    r = mp.sqrt(z)
    return (mp.cos(r) - 1 + z / 2) / z**2


def asin_remainder(z: Number) -> Number:
    r = mp.sqrt(z)
    return (mp.asin(r) - r) / r**3


def atan_remainder(z: Number) -> Number:
    r = mp.sqrt(z)
    return (mp.atan(r) - r) / r**3


def erf_ratio(z: Number) -> Number:
    x = mp.sqrt(z)
    return mp.erf(x) / x


def erfcx_flattened(t: Number) -> Number:
    x = ERFCX_MIDDLE * (1 + t) / (1 - t)
    return (1 + 2 * x) * mp.exp(x**2) * mp.erfc(x)


def erfcx_from_one_to_six(t: Number) -> Number:
    x = ERF_MIDDLE * (1 + t) / (1 - t)
    return mp.exp(x**2) * mp.erfc(x)


def erfinv_ratio(w: Number) -> Number:
    """erfinv(x) / x by Newton's method on log(erfc), with w = -log(1 - x**2)."""
    x = mp.sqrt(-mp.expm1(-w))
    target = -w - mp.log1p(x)
    y = mp.sqrt(w) * mp.sqrt(mp.pi) / 2 if w < 2 else mp.sqrt(w)
    for _ in range(60):
        survival = mp.erfc(y)
        step = (mp.log(survival) - target) * survival * mp.exp(y**2) * mp.sqrt(mp.pi) / 2
        y += step
        if abs(step) < abs(y) * mp.mpf(10) ** (-DIGITS // 2 - 5):
            break
    return y / x


def erfinv_tail(s: Number) -> Number:
    return erfinv_ratio((s + ERFINV_CENTRE) ** 2)


def erfinv_far_tail(v: Number) -> Number:
    v += ERFINV_FAR_CENTRE
    return erfinv_ratio(1 / v**2) * v


def bessel_small(order: int) -> RealFunction:
    def function(z: Number) -> Number:
        x = 2 * mp.sqrt(z)
        return mp.besseli(order, x) / (x / 2) ** order

    return function


def bessel_large(order: int) -> RealFunction:
    def function(v: Number) -> Number:
        x = 1 / v
        return mp.besseli(order, x) * mp.exp(-x) * mp.sqrt(x)

    return function


def table() -> Iterator[Fit]:
    """All fits."""
    more = float(1 + mp.mpf(2) ** -20)
    half_octave = float(mp.log(2) / 2) * more
    yield Fit("EXP", "(expm1(r) - r) / r**2", exp_remainder, -half_octave, half_octave, 9)
    s2 = float(((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2) * more
    yield Fit("LOG", "(2 * atanh(s) - 2 * s) / s**3 in s**2", log_remainder, 0.0, s2, 6)
    rest = "(2 * atanh(s) - 2 * s - 2 * s**3 / 3) / s**5 in s**2"
    yield Fit("LOG_SECOND", rest, log_second_remainder, 0.0, s2, 6)
    between = "log(gamma(1 + s)) / (s * (s - 1)) in s - 1/2"
    yield Fit("LOG_GAMMA", between, log_gamma_between_zeros, -0.5, 0.5, 19)
    z = 1 / STIRLING_FROM**2
    yield Fit("STIRLING", "Stirling's remainder times x, in 1 / x**2", stirling_remainder, 0, z, 6)
    yield Fit("DIGAMMA", "(log(x) - 1/(2*x) - digamma(x)) * x**2", digamma_remainder, 0, z, 7)
    yield Fit("TRIGAMMA", "(trigamma(x) - 1/x - 1/(2*x**2)) * x**3", trigamma_remainder, 0, z, 8)
    yield Fit("SINPI", "sin(pi * r) / r in r**2", sinpi_ratio, 0.0, 1 / 16, 6)
    yield Fit("COSPI", "cos(pi * r) in r**2", cospi_of_square, 0.0, 1 / 16, 7)
    quarter = float((mp.pi / 4) ** 2) * more
    yield Fit("SIN", "(sin(r) - r) / r**3 in r**2, to pi/2", sin_remainder, 0.0, 4 * quarter, 8)
    yield Fit("SIN_SHORT", "(sin(r) - r) / r**3 in r**2", sin_remainder, 0.0, quarter, 5)
    yield Fit("COS_SHORT", "(cos(r) - 1 + r**2 / 2) / r**4", cos_remainder, 0.0, quarter, 5)
    yield Fit("ASIN", "(asin(r) - r) / r**3 in r**2", asin_remainder, 0.0, 0.25, 12)
    eighth = float(mp.tan(mp.pi / 8) ** 2) * more
    yield Fit("ATAN", "(atan(r) - r) / r**3 in r**2", atan_remainder, 0.0, eighth, 10)
    yield Fit("ERF", "erf(x) / x in x**2", erf_ratio, 0.0, 1.0, 12)
    flat = "(1 + 2 * x) * erfcx(x) in (x - 3.75) / (x + 3.75)"
    yield Fit("ERFCX", flat, erfcx_flattened, -1.0, 1.0, 26)
    middle = "erfcx(x) in (x - 2.5) / (x + 2.5), from 1 to 6"
    low, high = ((x - ERF_MIDDLE) / (x + ERF_MIDDLE) for x in (1, 6))
    yield Fit("ERF_TAIL", middle, erfcx_from_one_to_six, low, high, 14)
    yield Fit("ERFINV", "erfinv(x) / x in -log(1 - x**2)", erfinv_ratio, 0.0, 6.25, 22)
    tail = "the same in the root of that, less 4.25"
    yield Fit("ERFINV_TAIL", tail, erfinv_tail, -1.75, 1.75, 27)
    far = "the same over the root, in the reciprocal of the root less 0.1"
    yield Fit("ERFINV_FAR", far, erfinv_far_tail, 1 / 27.4 - 0.1, 1 / 6 - 0.1, 22)
    for order in (0, 1):
        small, large = "in x**2 / 4", "times sqrt(x) * exp(-x), in 1 / x"
        name, z = f"BESSEL_I{order}", BESSEL_LARGE_FROM**2 / 4
        yield Fit(name, f"I_{order}(x) / (x/2)**{order} {small}", bessel_small(order), 0.0, z, 15)
        end = 1 / BESSEL_LARGE_FROM
        yield Fit(f"{name}_LARGE", f"I_{order}(x) {large}", bessel_large(order), 0.0, end, 21)


def written(fit: Fit) -> str:
    """The text of one tuple."""
    coefficients = interpolate(fit)
    numbers = ", ".join(map(repr, coefficients)) + ","
    lines = textwrap.wrap(numbers, 100, initial_indent="    ", subsequent_indent="    ")
    comment = f"# {fit.meaning}; relative error 2**{error(fit, coefficients):.1f}"
    return "\n".join([comment, f"{fit.name} = (", *lines, ")", ""])


def main() -> int:
    """Rewrite the file of coefficients."""
    mp.dps = DIGITS
    TARGET.write_text("\n".join([HEADER, *map(written, table())]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
