"""What the text of an LLVM module needs beside its own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from pyro.compile.math.definition import Definition

_EMPTY = "!0"


@final
class LlvmModule:
    """Declarations of intrinsics and shared definitions, each kept once, in order of first use.

    :param library: whether special functions that are called are only declared. Their definitions
        are in ``needs``, by symbol, for :func:`~pyro.compile.math.library.provide`.
    """

    def __init__(self, *, library: bool = False) -> None:
        self.library = library
        self.needs: dict[str, Definition] = {}
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

    def unpredictable(self) -> str:
        """The end of a ``select`` that is to stay one instruction."""
        return f", !unpredictable {self.empty()}"

    def empty(self) -> str:
        """The name of metadata that say no more than that they are there."""
        self._definitions[_EMPTY] = f"{_EMPTY} = !{{}}"
        return _EMPTY

    def text(self) -> str:
        """All of it, to be put anywhere at the top level of the module."""
        return "\n".join([*self._definitions.values(), *self._declarations, ""])
