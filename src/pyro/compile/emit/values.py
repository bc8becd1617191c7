"""Names of values in LLVM text, and their types."""

from __future__ import annotations

import functools
import struct
from collections.abc import Set
from typing import NamedTuple

from pyro.compile.ir import Kind, Node

SCALAR_TYPE = {Kind.F: "double", Kind.I: "i64", Kind.B: "i1"}
MEMORY_TYPE = {Kind.F: "double", Kind.I: "i64", Kind.B: "i8"}
BYTES = {Kind.F: 8, Kind.I: 8, Kind.B: 1}


def memory_of(node: Node, single: Set[Node]) -> tuple[str, int]:
    """The type of the elements of an array in memory, and their bytes.

    :param single: nodes whose arrays are in single precision.
    """
    return ("float", 4) if node in single else (MEMORY_TYPE[node.kind], BYTES[node.kind])


class Value(NamedTuple):
    """An operand: a name or the text of a number; ``width`` 1 is a scalar.

    :param depth: the loop level in which the name is defined.
    :param number: set if the operand is a number.
    """

    name: str
    kind: Kind
    width: int
    depth: int = 0
    number: float | int | bool | None = None


def vector(scalar: str, width: int) -> str:
    return scalar if width == 1 else f"<{width} x {scalar}>"


@functools.cache
def type_of(kind: Kind, width: int) -> str:
    """
    >>> type_of(Kind.F, 4)
    '<4 x double>'
    """
    return vector(SCALAR_TYPE[kind], width)


def number_text(number: float | int | bool, kind: Kind) -> str:
    """A number as LLVM reads it.

    >>> number_text(1.0, Kind.F)
    '0x3FF0000000000000'
    """
    if kind is Kind.F:
        (word,) = struct.unpack("<Q", struct.pack("<d", number))
        return f"0x{word:016X}"
    return str(int(number)) if kind is Kind.I else ("true" if number else "false")


def number(value: float | int | bool, kind: Kind, width: int = 1) -> Value:
    """A constant operand."""
    text = number_text(value, kind)
    return Value(text if width == 1 else _repeated(text, kind, width), kind, width, 0, value)


@functools.lru_cache(maxsize=1 << 12)
def _repeated(text: str, kind: Kind, width: int) -> str:
    return "<" + ", ".join([f"{SCALAR_TYPE[kind]} {text}"] * width) + ">"
