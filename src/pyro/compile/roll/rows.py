"""Arrays that hold what a position of a block makes at each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from pyro.compile.graph import TORCH_DTYPE
from pyro.compile.ir import Node, Op, View
from pyro.compile.roll.links import Inside, Number, Outside, Steps
from pyro.compile.roll.rewriting import Place, Rewriting


class Rows(NamedTuple):
    """One row per step: that of the first step starts at ``start``, after ``lead`` rows before.

    :param node: a node of the new graph.
    """

    node: Node
    start: int
    lead: int


class Moving(NamedTuple):
    """Elements of a new node that move on by ``pace`` from step to step."""

    node: Node
    start: int
    pace: int


class Table:
    """The rows of all positions of the steps that are being rolled.

    :ivar lead: how many steps before its own a position is read.
    """

    def __init__(self, rewriting: Rewriting, steps: Steps) -> None:
        self.rewriting = rewriting
        self.steps = steps
        self.lead = [0] * steps.block.period
        for row in steps.links[steps.first]:
            for link in row:
                if isinstance(link, Inside):
                    self.lead[link.position] = max(self.lead[link.position], link.distance)
        self._rows: dict[int, Rows] = {}

    def node(self, position: int) -> Node:
        """The node of the first step."""
        return self.steps.nodes[self.steps.first][position]

    def add(self, position: int, rows: Rows) -> None:
        """Note where the rows of a position are."""
        self._rows[position] = rows
        size = self.node(position).size
        for k in range(self.steps.length):
            node = self.steps.nodes[self.steps.first + k][position]
            self.rewriting.places[node] = Place(rows.node, rows.start + k * size)

    def before(self, position: int) -> list[Node]:
        """The old nodes of the steps just before the first, as many as are read."""
        first = self.steps.first
        return [self.steps.nodes[first - k][position] for k in range(self.lead[position], 0, -1)]

    def moving(self, position: int, k: int) -> Moving:
        """Where the ``k``-th argument of a position is at the first step, but for its offset."""
        steps = self.steps
        link = steps.links[steps.first][position][k]
        if isinstance(link, Inside):
            rows = self._with_lead(link.position, link.distance)
            size = self.node(link.position).size
            return Moving(rows.node, rows.start - link.distance * size + link.offset, size)
        links = [steps.links[t][position][k] for t in range(steps.first, steps.last)]
        places = [x for x in links if isinstance(x, Outside)]
        if places:
            pace = places[1].offset - places[0].offset
            even = all(
                x[:2] == (places[0].node, places[0].offset + t * pace) for t, x in enumerate(places)
            )
            found = Moving(places[0].node, places[0].offset, pace)
            return found if even else self._gathered(position, k, places)
        return self._numbers(position, k)

    def _gathered(self, position: int, k: int, places: Sequence[Outside]) -> Moving:
        """Parts of constants that do not lie at equal distances are copied behind each other."""
        node, graph = self.node(position), self.rewriting.graph
        moves = zip(node.args[k].strides, node.domain, strict=False)
        reach = [s * (n - 1) for s, n in moves]
        low, high = sum(r for r in reach if r < 0), sum(r for r in reach if r > 0)
        parts = [graph.constants[x.node.attr][x.offset + low : x.offset + high + 1] for x in places]
        kept = torch.cat(parts)
        graph.constants.append(kept)
        made = graph._node(
            Op.DATA, (len(kept),), node.args[k].node.kind, (), len(graph.constants) - 1, len(kept)
        )
        return Moving(made, -low, high - low + 1)

    def _numbers(self, position: int, k: int) -> Moving:
        """Numbers that differ from step to step are an array."""
        steps = self.steps
        links = [steps.links[t][position][k] for t in range(steps.first, steps.last)]
        values = [link.value for link in links if isinstance(link, Number)]
        kind = self.node(position).args[k].node.kind
        graph = self.rewriting.graph
        if len({(type(v), v) for v in values}) == 1:
            return Moving(graph.literal(values[0], kind).node, 0, 0)
        tensor = torch.tensor([*map(_plain, values)], dtype=TORCH_DTYPE[kind])
        return Moving(graph.constant(tensor).node, 0, 1)

    def _with_lead(self, position: int, distance: int) -> Rows:
        """The rows of a position, joined behind those of the steps before."""
        rows = self._rows[position]
        if distance <= rows.lead:
            return rows
        graph, size = self.rewriting.graph, self.node(position).size
        lead, count = self.lead[position], self.steps.length
        joined = graph.full(((lead + count) * size,), 0, self.node(position).kind)
        for k, node in enumerate(self.before(position)):
            joined = graph.update(joined, "set", (1,), k * size, self.rewriting.row(node))
        whole = View(rows.node, (count * size,), (1,), rows.start)
        joined = graph.update(joined, "set", (1,), lead * size, whole)
        self._rows[position] = found = Rows(joined.node, lead * size, lead)
        return found


def _plain(value: float | int | bool) -> float | int | bool:
    return float(value) if isinstance(value, float) else value
