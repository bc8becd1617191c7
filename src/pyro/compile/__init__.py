"""From tensor programs to machine code."""

from pyro.compile.density import NativeDensity, compile_value_and_grad
from pyro.compile.function import CompiledFunction, compile
from pyro.compile.not_capturable import NotCapturable
from pyro.compile.program import CompiledCodeError
from pyro.compile.report import Report

__all__ = [
    "CompiledCodeError",
    "CompiledFunction",
    "NativeDensity",
    "NotCapturable",
    "Report",
    "compile",
    "compile_value_and_grad",
]
