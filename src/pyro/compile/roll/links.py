"""How the steps of a repeated block hang together, and over which steps they do so regularly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pyro.compile.ir import Node, Op, Ref
from pyro.compile.roll.period import LEAST_STEPS, Block
from pyro.compile.roll.rewriting import Place


class Inside(NamedTuple):
    """An argument made by the block itself: at a position, ``distance`` steps before."""

    position: int
    distance: int
    offset: int


class Outside(NamedTuple):
    """An argument from before the block: elements of a new node, from an offset on.

    :ivar is_constant: whether these very elements of a constant are read, and no others of it.
    """

    node: Node
    offset: int
    is_constant: bool


class Number(NamedTuple):
    """A number."""

    value: float | int | bool


class Unknown(NamedTuple):
    """An argument that is not there before the block starts."""


Link = Inside | Outside | Number | Unknown


class Steps(NamedTuple):
    """Steps ``first`` to ``last`` (exclusive) of a block, which do the same.

    :param nodes: all nodes of the block, by step and position.
    """

    block: Block
    nodes: Sequence[Sequence[Node]]
    links: Sequence[Sequence[Sequence[Link]]]  # by step, position and argument
    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first


class Linker:
    """Finds the links of blocks.

    :param position: where a node is in the sequence that holds the blocks.
    :param places: where nodes are that come before.
    """

    def __init__(self, position: Mapping[Node, int], places: Mapping[Node, Place]) -> None:
        self._position = position
        self._places = places

    def regular(self, block: Block, sequence: Sequence[Node]) -> Iterator[Steps]:
        """The longest ranges of steps that are regular, if they are long enough."""
        starts = range(block.start, block.start + block.period * block.steps, block.period)
        nodes = [sequence[s : s + block.period] for s in starts]
        links = [[self._links(node, k, block) for node in row] for k, row in enumerate(nodes)]
        first = 0
        for step in range(1, block.steps + 1):
            if step < block.steps and _continues(links, step, first):
                continue
            if step - first >= LEAST_STEPS:
                yield Steps(block, nodes, links, first, step)
            first = step

    def _links(self, node: Node, step: int, block: Block) -> list[Link]:
        table = node.op is Op.MAP and node.attr[0] == "lookup"
        return [self._link(ref, step, block, table and not k) for k, ref in enumerate(node.args)]

    def _link(self, ref: Ref, step: int, block: Block, is_table: bool) -> Link:
        if ref.node.op is Op.LITERAL:
            return Number(ref.node.attr)
        at = self._position.get(ref.node)
        if at is not None and at >= block.start:
            before, position = divmod(at - block.start, block.period)
            return Inside(position, step - before, ref.offset)
        place = self._places.get(ref.node)
        if place is None:
            return Unknown()
        constant = place.node.op is Op.DATA and not is_table
        return Outside(place.node, ref.offset + place.start, constant)


def _continues(links: Sequence[Sequence[Sequence[Link]]], step: int, first: int) -> bool:
    """Whether a step goes on as the steps from ``first`` on do."""
    here, before = links[step], links[step - 1]
    second = links[first + 1] if step > first + 1 else here
    return all(
        _alike(link, before[position][k])
        and _is_even(links[first][position][k], second[position][k], before[position][k], link)
        for position, row in enumerate(here)
        for k, link in enumerate(row)
    )


def _alike(link: Link, previous: Link) -> bool:
    """Whether one node can read both, at different steps."""
    if isinstance(link, Inside):
        return link == previous
    if isinstance(link, Outside) and isinstance(previous, Outside):
        if link.is_constant and previous.is_constant:
            return link.node.kind is previous.node.kind
        return link.node is previous.node
    return type(link) is type(previous) and not isinstance(link, Unknown)


def _is_even(first: Link, second: Link, before: Link, link: Link) -> bool:
    """Whether places in arrays move on by the same distance; constants can be put where needed."""
    if not (isinstance(link, Outside) and isinstance(before, Outside)) or link.is_constant:
        return True
    if not (isinstance(first, Outside) and isinstance(second, Outside)):
        return False
    return link.offset - before.offset == second.offset - first.offset
