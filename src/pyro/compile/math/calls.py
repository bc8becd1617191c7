"""Uses of special functions in LLVM IR: in place, or as calls of shared definitions."""

from __future__ import annotations

from pyro.compile.math.definition import Definition
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
    definition = Definition(function, b.width, b.has_fma)
    if b.module.library:
        b.module.declare(definition.declaration)
        b.module.needs[definition.symbol] = definition
    elif not b.module.defines(definition.symbol):
        b.module.define(definition.symbol, definition.text(b.module))
    return b.call(f"@{definition.symbol}", *arguments)
