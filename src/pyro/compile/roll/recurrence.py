"""Positions that need what they made at steps before: a loop, of which the body is written once."""

from __future__ import annotations

from collections.abc import Sequence

from pyro.compile.emit.loop import Carry, Stream
from pyro.compile.graph import Graph
from pyro.compile.ir import Kind, Node, Op, Ref, View
from pyro.compile.roll.body import Body, add_loop
from pyro.compile.roll.links import Inside
from pyro.compile.roll.rows import Rows, Table


def loop(table: Table, members: Sequence[int]) -> None:
    """Make a loop of positions that depend on each other."""
    _Body(table, members).finish()


class _Body:
    """The body of a loop, while it is made.

    Arrays are numbered by where they come from: arguments of the loop first, then its results.
    """

    def __init__(self, table: Table, members: Sequence[int]) -> None:
        self.table = table
        self.members = set(members)
        self.graph = Graph()
        self.arguments: dict[Node, int] = {}
        self.inputs: dict[tuple[int, bool, int, int, Kind], View] = {}
        self.made: dict[int, Node] = {}
        self.results = [p for p in members if self._is_read_outside(p)]
        for position in members:
            self.made[position] = self._made(position)

    def _is_read_outside(self, position: int) -> bool:
        """Whether anything but the same step of the loop reads a position."""
        steps, rewriting = self.table.steps, self.table.rewriting
        if self.table.lead[position]:
            return True
        rows = range(steps.first, steps.last)
        if any(steps.nodes[t][position] in rewriting.wanted for t in rows):
            return True
        node = self.table.node(position)
        inside = sum(any(ref.node is node for ref in self.table.node(p).args) for p in self.members)
        return any(rewriting.uses[steps.nodes[t][position]] != inside for t in rows)

    # ------------------------------------------------------------ the body

    def _made(self, position: int) -> Node:
        """The node of a position in the body."""
        node = self.table.node(position)
        args = [self._argument(position, k) for k in range(len(node.args))]
        if node.op is Op.UPDATE and args[0].node.op is not Op.LITERAL:
            base = View(args[0].node, (node.size,), (1,), args[0].offset)
            args[0] = Ref(self.graph.copy(base).node, node.args[0].strides, 0)
        return self.graph._node(node.op, node.domain, node.kind, tuple(args), node.attr, node.size)

    def _argument(self, position: int, k: int) -> Ref:
        table, ref = self.table, self.table.node(position).args[k]
        link = table.steps.links[table.steps.first][position][k]
        if isinstance(link, Inside) and link.position in self.members:
            if not link.distance:
                return ref._replace(node=self.made[link.position])
            size = table.node(link.position).size
            start = (table.lead[link.position] - link.distance) * size
            source = self.results.index(link.position)
            kind = table.node(link.position).kind
            return ref._replace(node=self._input(source, True, start, size, kind).node)
        found = table.moving(position, k)
        if found.node.op is Op.LITERAL:
            literal = self.graph.literal(found.node.attr, found.node.kind)
            return Ref(literal.node, ref.strides, 0)
        reach = [s * (n - 1) for s, n in zip(ref.strides, table.node(position).domain, strict=True)]
        low = sum(r for r in reach if r < 0) if table.node(position).op is not Op.UPDATE or k else 0
        array = self.arguments.setdefault(found.node, len(self.arguments))
        source_view = self._input(array, False, found.start + low, found.pace, found.node.kind)
        return Ref(source_view.node, ref.strides, -low)

    def _input(self, array: int, is_result: bool, start: int, step: int, kind: Kind) -> View:
        """An array of the loop, from an element on that moves with the step."""
        key = (array, is_result, start, step, kind)
        if key not in self.inputs:
            self.inputs[key] = self.graph.input(len(self.inputs), (_LARGE,), kind)
        return self.inputs[key]

    # ------------------------------------------------------------ the loop

    def finish(self) -> None:
        """Put the loop into the new graph, and note where its results are."""
        table, steps = self.table, self.table.steps.length
        carries = [c for k, p in enumerate(self.results) for c in self._carries(k, p)]
        first = len(self.arguments)  # all arguments are known from here on
        body = Body(
            graph=self.graph,
            inputs=tuple(
                Stream(array + first * is_result, kind, start, step)
                for array, is_result, start, step, kind in self.inputs
            ),
            outputs=tuple(View(self.made[p], (self._size(p),), (1,), 0) for p in self.results),
            streams=tuple(self._output(first + k, p) for k, p in enumerate(self.results)),
            carries=tuple(c._replace(result=c.result + first) for c in carries),
            sizes=tuple((table.lead[p] + steps) * self._size(p) for p in self.results),
            kinds=tuple(table.node(p).kind for p in self.results),
        )
        whole = [View(n, (n.size,), (1,), 0) for n in self.arguments]
        found = add_loop(table.rewriting.graph, steps, body, whole)
        for position, view in zip(self.results, found, strict=False):
            lead = table.lead[position]
            table.add(position, Rows(view.node, lead * table.node(position).size, lead))

    def _size(self, position: int) -> int:
        return self.table.node(position).size

    def _output(self, array: int, position: int) -> Stream:
        node = self.table.node(position)
        return Stream(array, node.kind, self.table.lead[position] * node.size, node.size)

    def _carries(self, result: int, position: int) -> list[Carry]:
        """The rows before the first step are copied from what was computed outside."""
        found = []
        for k, node in enumerate(self.table.before(position)):
            row = self.table.rewriting.row(node)
            array = self.arguments.setdefault(row.node, len(self.arguments))
            found.append(Carry(array, row.offset, result, k * node.size, node.kind, node.size))
        return found


_LARGE = 1 << 20  # elements that an input may have; only those that are read must be there
