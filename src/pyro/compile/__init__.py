"""From tensor programs to machine code.

What stands under ``TYPE_CHECKING`` is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyro.compile.not_capturable import NotCapturable
from pyro.first_use import imports_on_first_use

if TYPE_CHECKING:
    from pyro.compile.density import NativeDensity, compile_value_and_grad
    from pyro.compile.function import CompiledFunction, compile
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

__getattr__, __dir__ = imports_on_first_use(
    __name__,
    {
        "CompiledCodeError": "program",
        "CompiledFunction": "function",
        "NativeDensity": "density",
        "Report": "report",
        "compile": "function",
        "compile_value_and_grad": "density",
    }.__getitem__,
)
