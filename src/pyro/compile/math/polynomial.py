"""Polynomials with constant coefficients."""

from __future__ import annotations

from collections.abc import Sequence

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value


def polynomial(
    b: ScalarBuilder[Value, Condition, Int], x: Value, coefficients: Sequence[float]
) -> Value:
    r""":math:`\sum_k c_k x^k` by Estrin's scheme, whose chain of dependent steps is short.

    See Muller (2016), *Elementary Functions*, section 5.2.
    """
    terms: list[Value | float] = list(coefficients)
    power = x
    while len(terms) > 1:
        pairs: list[Value | float] = [
            b.fma(high, power, low) for low, high in zip(terms[::2], terms[1::2], strict=False)
        ]
        terms = pairs + terms[2 * len(pairs) :]
        if len(terms) > 1:
            power = b.mul(power, power)
    return b.add(terms[0], 0.0) if isinstance(terms[0], float) else terms[0]
