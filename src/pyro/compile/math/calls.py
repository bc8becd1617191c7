"""Uses of special functions in LLVM IR: in place, or as calls of shared definitions."""

from __future__ import annotations

from itertools import count

from pyro.compile.math.function import Function
from pyro.compile.math.llvm_builder import LlvmBuilder


def emit(b: LlvmBuilder, function: Function, *arguments: str, inline: bool | None = None) -> str:
    """The name of the value of a special function at the arguments.

    :param b: where the instructions go.
    :param function: an entry of ``FUNCTIONS``.
    :param arguments: operands of the builder's type.
    :param inline: overrides the choice of the function.

    Example::

        >>> from itertools import count
        >>> from pyro.compile.math import FUNCTIONS, LlvmBuilder, LlvmModule, emit
        >>> b = LlvmBuilder([], 4, count(), LlvmModule())
        >>> emit(b, FUNCTIONS["lgamma"], "%x")
        '%m0'
        >>> b.lines
        ['  %m0 = call <4 x double> @pyro_lgamma_v4(<4 x double> %x)']
    """
    if function.inline if inline is None else inline:
        return function(b, *arguments)
    return b.call(define(b, function), *arguments)


def define(b: LlvmBuilder, function: Function) -> str:
    """Make sure that the module of a builder defines the function; the name of the definition."""
    name = f"@pyro_{function.name}_v{b.width}"
    if not b.module.defines(name):
        lines: list[str] = []
        parameters = [f"%x{k}" for k in range(function.arity)]
        body = LlvmBuilder(lines, b.width, count(), b.module, fused=b.has_fma, branches=True)
        value = function(body, *parameters)
        typed = ", ".join(f"{b.type} {parameter}" for parameter in parameters)
        head = f"define internal {b.type} {name}({typed}) nounwind {{"
        b.module.define(name, "\n".join([head, *lines, f"  ret {b.type} {value}", "}"]))
    return name
