"""A special function as a function of an LLVM module."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

from pyro.compile.math.function import Function
from pyro.compile.math.llvm_builder import LlvmBuilder
from pyro.compile.math.llvm_module import LlvmModule


class Definition(NamedTuple):
    """A function of vectors of ``width`` numbers, for machines that have ``fused`` or not."""

    function: Function
    width: int
    fused: bool

    @property
    def symbol(self) -> str:
        """The name in machine code, which differs wherever the code does."""
        return f"pyro_{self.function.name}_v{self.width}" + ("" if self.fused else "_unfused")

    @property
    def declaration(self) -> str:
        """The line that makes the function known to a module, and that it is found in a table."""
        types = ", ".join([self._type] * self.function.arity)
        return f"declare {self._type} @{self.symbol}({types}) nounwind nonlazybind"

    @property
    def _type(self) -> str:
        return "double" if self.width == 1 else f"<{self.width} x double>"

    def text(self, module: LlvmModule, linkage: str = "internal ") -> str:
        """The whole function; ``module`` receives the declarations that it needs."""
        lines: list[str] = []
        parameters = [f"%x{k}" for k in range(self.function.arity)]
        b = LlvmBuilder(lines, self.width, count(), module, fused=self.fused, branches=True)
        value = self.function(b, *parameters)
        typed = ", ".join(f"{b.type} {parameter}" for parameter in parameters)
        head = f"define {linkage}{b.type} @{self.symbol}({typed}) nounwind {{"
        return "\n".join([head, *lines, f"  ret {b.type} {value}", "}"])
