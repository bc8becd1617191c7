"""The table of special functions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pyro.compile.math import (
    bessel,
    error_function,
    exponential,
    gamma,
    hyperbolic,
    inverse_hyperbolic,
    inverse_trigonometric,
    logarithm,
    logistic,
    normal_quantile,
    normal_tail,
    philox,
    power,
    products,
    trigonometric,
)
from pyro.compile.math.function import Function
from pyro.compile.math.polygamma import polygamma

_ALL = (
    Function("exp", exponential.exp, alone=exponential.exp_by_table),
    Function("exp2", exponential.exp2),
    Function("expm1", exponential.expm1),
    Function("log", logarithm.log),
    Function("log2", logarithm.log2),
    Function("log10", logarithm.log10),
    Function("log1p", logarithm.log1p),
    Function("log1p_of_positive", logarithm.log1p_of_positive),
    Function("log1p_of_fraction", logarithm.log1p_of_fraction),
    Function("sinh", hyperbolic.sinh),
    Function("cosh", hyperbolic.cosh),
    Function("tanh", hyperbolic.tanh),
    Function("sigmoid", logistic.sigmoid),
    Function("softplus", logistic.softplus, inline=False),
    Function("log_sigmoid", logistic.log_sigmoid, inline=False),
    Function("logaddexp", logistic.logaddexp, arity=2, inline=False),
    Function("sin", trigonometric.sin, inline=False),
    Function("cos", trigonometric.cos, inline=False),
    Function("tan", trigonometric.tan, inline=False),
    Function("asin", inverse_trigonometric.asin, inline=False),
    Function("acos", inverse_trigonometric.acos, inline=False),
    Function("atan", inverse_trigonometric.atan, inline=False),
    Function("asinh", inverse_hyperbolic.asinh, inline=False),
    Function("acosh", inverse_hyperbolic.acosh, inline=False),
    Function("atanh", inverse_hyperbolic.atanh, inline=False),
    Function("lgamma", gamma.lgamma, inline=False),
    Function("erf", error_function.erf, inline=False),
    Function("erfc", error_function.erfc, inline=False),
    Function("erfcx", error_function.erfcx, inline=False),
    Function("ndtr", normal_tail.ndtr, inline=False),
    Function("log_ndtr", normal_tail.log_ndtr, inline=False),
    Function("erfinv", normal_quantile.erfinv, inline=False),
    Function("ndtri", normal_quantile.ndtri, inline=False),
    Function("i0", bessel.i0, inline=False),
    Function("i0e", bessel.i0e, inline=False),
    Function("i1", bessel.i1, inline=False),
    Function("i1e", bessel.i1e, inline=False),
    Function("sinc", products.sinc, inline=False),
    polygamma(0),
    polygamma(1),
    polygamma(2),
    polygamma(3),
    Function("atan2", inverse_trigonometric.atan2, arity=2, inline=False),
    Function("pow", power.pow, arity=2, inline=False),
    Function("xlogy", products.xlogy, arity=2, inline=False),
    Function("xlog1py", products.xlog1py, arity=2, inline=False),
    Function("uniform", philox.uniform, arity=4, inline=False),
)

FUNCTIONS: Mapping[str, Function] = MappingProxyType({f.name: f for f in _ALL})
"""Special functions by name."""
