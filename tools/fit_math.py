"""Computes the coefficients of the special functions of ``pyro.compile.math``.

Each is a polynomial that interpolates a smooth function at the Chebyshev nodes of an interval, in
the arithmetic of mpmath. The reported error is relative, of the rounded coefficients.

Run as ``python tools/fit_math.py``; it rewrites ``src/pyro/compile/math/coefficients.py``.
"""

from __future__ import annotations

import sys
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
PER_LINE = 4
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


def table() -> Iterator[Fit]:
    """All fits."""
    half_octave = float(mp.log(2) / 2 * (1 + mp.mpf(2) ** -20))
    yield Fit("EXP", "(expm1(r) - r) / r**2", exp_remainder, -half_octave, half_octave, 9)
    s2 = float(((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * (1 + mp.mpf(2) ** -20))
    yield Fit("LOG", "(2 * atanh(s) - 2 * s) / s**3 in s**2", log_remainder, 0.0, s2, 6)


def written(fit: Fit) -> str:
    """The text of one tuple."""
    coefficients = interpolate(fit)
    lines = [
        "    " + ", ".join(map(repr, coefficients[k : k + PER_LINE])) + ","
        for k in range(0, len(coefficients), PER_LINE)
    ]
    comment = f"# {fit.meaning}; relative error 2**{error(fit, coefficients):.1f}"
    return "\n".join([comment, f"{fit.name} = (", *lines, ")", ""])


def main() -> int:
    """Rewrite the file of coefficients."""
    mp.dps = DIGITS
    TARGET.write_text("\n".join([HEADER, *map(written, table())]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
