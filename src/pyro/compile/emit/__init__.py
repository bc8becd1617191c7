"""From a schedule to LLVM text."""

from pyro.compile.emit.program import Interface, Target, Text, write_program

__all__ = ["Interface", "Target", "Text", "write_program"]
