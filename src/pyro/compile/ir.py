"""The intermediate representation: nodes of static shape, and affine views of them.

A node is a flat row-major array. It is computed over a *domain*, a box of loop indices, and reads
its arguments through affine maps of these indices: transposes, slices, diagonals and broadcasts are
all strides and offsets, and cost nothing. Tensors of the program are :class:`View` s of nodes.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

Shape = tuple[int, ...]


class Kind(enum.Enum):
    """What an element is: a real number, a 64-bit integer or a truth value."""

    __hash__ = object.__hash__  # that of enumerations is slow

    F = "float"
    I = "int"
    B = "bool"


class Op(enum.Enum):
    """How a node gets its elements."""

    __hash__ = object.__hash__

    INPUT = "input"  # memory given by the caller; attr: position
    DATA = "data"  # a constant array; attr: position in the table of constants
    LITERAL = "literal"  # one number; attr: the number
    MAP = "map"  # an element function of the arguments; attr: its name and parameters
    REDUCE = "reduce"  # attr: (name, one flag per dim of the domain)
    SCAN = "scan"  # cumulative along the last dim of the domain; attr: (name,)
    UPDATE = "update"  # writes into a copy of the first argument; attr: Target
    CALL = "call"  # routine on whole arrays; attr: Routine
    RESULT = "result"  # one result of a CALL; attr: position


class Ref(NamedTuple):
    """Reads ``node[offset + sum(strides[d] * index[d])]`` at an index of the reader's domain."""

    node: Node
    strides: Shape
    offset: int


class Target(NamedTuple):
    """Where an UPDATE writes: an affine position, plus ``index[k] * index_strides[k]``.

    The arguments of the node are the array before, the values, and one integer per index stride.
    """

    mode: str  # "set", "add", "mul", "max" or "min"
    strides: Shape
    offset: int
    index_strides: Shape


class Routine(NamedTuple):
    """A call on whole arrays: its name, static parameters and the sizes of its results."""

    name: str
    parameters: tuple[Any, ...]
    sizes: tuple[int, ...]
    kinds: tuple[Kind, ...]


@dataclass(slots=True, eq=False)
class Node:
    """One array. Only :class:`~pyro.compile.graph.Graph` makes nodes, in topological order."""

    op: Op
    domain: Shape
    kind: Kind
    args: tuple[Ref, ...]
    attr: Any
    number: int
    size: int  # elements of the array

    def __repr__(self) -> str:
        return f"n{self.number}"


class View(NamedTuple):
    """A tensor of the program: shape, strides and offset in the elements of a node."""

    node: Node
    shape: Shape
    strides: Shape
    offset: int

    @property
    def kind(self) -> Kind:
        return self.node.kind

    @property
    def numel(self) -> int:
        return math.prod(self.shape)

    @property
    def ref(self) -> Ref:
        return Ref(self.node, self.strides, self.offset)


def contiguous(shape: Shape) -> Shape:
    """Row-major strides.

    >>> contiguous((2, 3, 4))
    (12, 4, 1)
    """
    strides = [1] * len(shape)
    for d in range(len(shape) - 2, -1, -1):
        strides[d] = strides[d + 1] * shape[d + 1]
    return tuple(strides)
