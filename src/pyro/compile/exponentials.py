r"""Logarithms of exponentials, and products of exponentials with quotients by them.

A parameter that is positive is an exponential, and a density takes its logarithm and divides by it:
:math:`\log e^x = x` and :math:`e^x (a + y / e^x) = a e^x + y` have neither logarithm nor quotient.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyro.compile.ir import Kind, View
from pyro.compile.scaling import arguments_of, number_of

if TYPE_CHECKING:
    from pyro.compile.graph import Graph

_LEAST = -745.1332191019412  # of what has an exponential above zero
_MOST = 709.782712893384  # of what has a finite one
_DEPTH = 4  # of sums, or of choices, inside one another that are looked through


def log_of_exp(graph: Graph, x: View, depth: int = _DEPTH) -> View | None:
    """The logarithm of an exponential, of a number, or of a choice between them; else None."""
    if (value := number_of(x)) is not None:
        return graph.literal(math.log(value), Kind.F) if 0 < value < math.inf else None
    if (inner := arguments_of(x, "exp")) is not None:
        return _with_its_range(graph, inner[0])
    if not depth or (choice := arguments_of(x, "select")) is None:
        return None
    condition, *branches = choice
    logs = [log_of_exp(graph, branch, depth - 1) for branch in branches]
    if any(log is None for log in logs):
        return None
    return graph.map("select", condition, *(log for log in logs if log is not None))


def _with_its_range(graph: Graph, x: View) -> View:
    """``x``, infinite where the exponential would be zero or infinite."""
    real = graph.literal
    small = graph.map("lt", x, real(_LEAST, Kind.F))
    large = graph.map("gt", x, real(_MOST, Kind.F))
    found = graph.map("select", large, real(math.inf, Kind.F), x)
    return graph.map("select", small, real(-math.inf, Kind.F), found)


def times_exp(graph: Graph, e: View, x: View) -> View | None:
    """``e * x`` if ``e`` is an exponential and ``x`` a sum of quotients by it and of others."""
    if arguments_of(e, "exp") is None:
        return None
    for fn in ("add", "sub"):
        terms = arguments_of(x, fn)
        if terms is not None and any(_has_quotient(e, t, _DEPTH) for t in terms):
            return graph.map(fn, *(_product(graph, e, t) for t in terms))
    return None


def _product(graph: Graph, e: View, x: View) -> View:
    """``e`` times one term."""
    if (y := _divided(e, x)) is not None:
        return y
    if (negated := arguments_of(x, "neg")) is not None:
        return graph.map("neg", _product(graph, e, negated[0]))
    if (choice := _guarded(x)) is not None and (y := _divided(e, choice[1])) is not None:
        return graph.map("select", choice[0], graph.literal(0.0, Kind.F), y)
    return graph.map("mul", e, x)


def _has_quotient(e: View, x: View, depth: int) -> bool:
    """Whether a term, or a term of a term, is a quotient by ``e``."""
    if _divided(e, x) is not None:
        return True
    if (choice := _guarded(x)) is not None:
        return _divided(e, choice[1]) is not None
    terms = next((t for fn in ("add", "sub", "neg") if (t := arguments_of(x, fn))), ())
    return depth > 0 and any(_has_quotient(e, t, depth - 1) for t in terms)


def _divided(e: View, x: View) -> View | None:
    """``y`` if ``x`` is ``y / e``."""
    found = arguments_of(x, "div")
    return found[0] if found is not None and found[1] == e else None


def _guarded(x: View) -> tuple[View, View] | None:
    """``c`` and ``y`` if ``x`` is zero where ``c`` holds, and ``y`` elsewhere."""
    found = arguments_of(x, "select")
    if found is None or number_of(found[1]) != 0:
        return None
    return found[0], found[2]


def decided(graph: Graph, condition: View, x: View) -> View | None:
    """A quotient as it is where a condition does not hold, if its arguments are chosen by that."""
    arguments = arguments_of(x, "div")
    if arguments is None:
        return None
    choices = [arguments_of(a, "select") for a in arguments]
    known = [c is not None and c[0] == condition for c in choices]
    if not any(known):
        return None
    parts = zip(known, choices, arguments, strict=True)
    return graph.map("div", *(c[2] if k and c is not None else a for k, c, a in parts))
