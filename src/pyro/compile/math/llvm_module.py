"""What the text of an LLVM module needs beside its own functions."""

from __future__ import annotations

from typing import final


@final
class LlvmModule:
    """Declarations of intrinsics and shared definitions, each kept once, in order of first use."""

    def __init__(self) -> None:
        self._declarations: dict[str, None] = {}
        self._definitions: dict[str, str] = {}

    def declare(self, declaration: str) -> None:
        """Keep a line such as ``declare double @llvm.fabs.f64(double)``."""
        self._declarations[declaration] = None

    def define(self, name: str, text: str) -> None:
        """Keep the text of the function ``name``."""
        self._definitions[name] = text

    def defines(self, name: str) -> bool:
        """Whether the function ``name`` is there already."""
        return name in self._definitions

    def text(self) -> str:
        """All of it, to be put anywhere at the top level of the module."""
        return "\n".join([*self._definitions.values(), *self._declarations, ""])
