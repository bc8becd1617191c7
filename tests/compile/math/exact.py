"""Exact values that mpmath has no name for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp
from scipy import special

from tests.compile.math.accuracy import Exact

NEWTON_STEPS = 4


def log_gamma(x: Any) -> Any:
    return mp.loggamma(x) if x > 0 else mp.log(abs(mp.gamma(x)))


def polygamma(n: int) -> Exact:
    return lambda x: mp.polygamma(n, x)


def erfcx(x: Any) -> Any:
    return mp.exp(x * x) * mp.erfc(x)


def ndtr(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def log_ndtr(x: Any) -> Any:
    return mp.log(ndtr(x)) if x < 0 else mp.log1p(-ndtr(-x))


def inverse(function: Exact, slope: Exact, guess: Callable[[float], float]) -> Exact:
    """The inverse of a function, by Newton's method."""

    def value(x: Any) -> Any:
        y = mp.mpf(float(guess(float(x))))
        for _ in range(NEWTON_STEPS):
            y -= (function(y) - x) / slope(y)
        return y

    return value


erfinv = inverse(mp.erf, lambda y: 2 / mp.sqrt(mp.pi) * mp.exp(-y * y), special.erfinv)
ndtri = inverse(ndtr, mp.npdf, special.ndtri)


def bessel(order: int, *, scaled: bool) -> Exact:
    def value(x: Any) -> Any:
        return mp.besseli(order, x) * (mp.exp(-abs(x)) if scaled else 1)

    return value


def sinc(x: Any) -> Any:
    return mp.sinpi(x) / (mp.pi * x)
