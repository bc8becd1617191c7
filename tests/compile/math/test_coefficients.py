"""The coefficients are those that the tool computes."""

import pytest
from mpmath import mp

from pyro.compile.math import coefficients
from tools import fit_math

QUICK = {"EXP", "LOG", "STIRLING", "ATAN"}


def check(names: set[str]) -> None:
    with mp.workdps(fit_math.DIGITS):
        for fit in fit_math.table():
            if fit.name in names:
                assert getattr(coefficients, fit.name) == tuple(fit_math.interpolate(fit))


def test_some_coefficients() -> None:
    check(QUICK)


@pytest.mark.slow
def test_all_coefficients() -> None:
    with mp.workdps(fit_math.DIGITS):
        check({fit.name for fit in fit_math.table()})
