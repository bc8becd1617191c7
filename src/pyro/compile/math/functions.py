"""The table of special functions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pyro.compile.math import exponential, hyperbolic, logarithm, logistic
from pyro.compile.math.function import Function

_ALL = (
    Function("exp", exponential.exp),
    Function("exp2", exponential.exp2),
    Function("expm1", exponential.expm1),
    Function("log", logarithm.log),
    Function("log2", logarithm.log2),
    Function("log10", logarithm.log10),
    Function("log1p", logarithm.log1p),
    Function("sinh", hyperbolic.sinh),
    Function("cosh", hyperbolic.cosh),
    Function("tanh", hyperbolic.tanh),
    Function("sigmoid", logistic.sigmoid),
    Function("softplus", logistic.softplus, inline=False),
    Function("log_sigmoid", logistic.log_sigmoid, inline=False),
    Function("logaddexp", logistic.logaddexp, arity=2, inline=False),
)

FUNCTIONS: Mapping[str, Function] = MappingProxyType({f.name: f for f in _ALL})
"""Special functions by name."""
