"""A special function as the compiler's tables know it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, final

from pyro.compile.math.builder import Condition, Int, ScalarBuilder, Value
from pyro.compile.math.llvm_builder import LlvmBuilder
from pyro.compile.math.llvm_module import LlvmModule


@final
@dataclass(frozen=True)
class Function:
    """A function of one or more numbers, written over any builder.

    :param name: the name in ``FUNCTIONS``, and in the emitted module.
    :param build: takes a builder and the arguments, and returns the value.
    :param arity: number of arguments.
    :param inline: whether the body is short enough to stand wherever it is used. A function that
        is not inline is defined once in a module, may branch there, and is called.
    :param alone: a shorter body for one number alone, on machines with fused multiply-add.
    """

    name: str
    build: Callable[..., Any]
    arity: int = 1
    inline: bool = True
    alone: Callable[..., Any] | None = None

    def __call__(self, b: ScalarBuilder[Value, Condition, Int], *arguments: Value) -> Value:
        """The value at the arguments, computed by the builder on the spot."""
        value: Value = self.build(b, *arguments)
        return value

    @cached_property
    def flops(self) -> int:
        """The number of instructions of the body, as a measure of its cost."""
        lines: list[str] = []
        parameters = [f"%x{k}" for k in range(self.arity)]
        self.build(LlvmBuilder(lines, 1, count(), LlvmModule()), *parameters)
        return len(lines)
