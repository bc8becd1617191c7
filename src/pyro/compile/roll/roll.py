"""The pass: blocks of a program that repeat themselves become arrays and loops over their steps."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from pyro.compile.fuse import LEAVES
from pyro.compile.graph import Graph
from pyro.compile.ir import Node, Op, View
from pyro.compile.roll.batch import add_up, batch, can_batch, is_sum
from pyro.compile.roll.chains import chains, rewrite
from pyro.compile.roll.components import components
from pyro.compile.roll.links import Inside, Linker, Steps
from pyro.compile.roll.period import Block, blocks
from pyro.compile.roll.recurrence import loop
from pyro.compile.roll.rewriting import Rewriting
from pyro.compile.roll.rows import Table

LEAST_SAVED = 48
"""Nodes that a block must leave out; less is written out as quickly."""

PASSES = 3
MOST_ELEMENTS = 1 << 23
"""Elements of all rows together: more would cost memory that the program does not have to have."""


def rolled(graph: Graph, outputs: Sequence[View]) -> tuple[Graph, tuple[View, ...]]:
    """The same program, with its repetitions rolled up.

    What is made at each step without need of the steps before becomes one node with a dim for the
    steps; sums over steps become reductions; what remains, true recurrences, becomes a loop whose
    body is written once (Allen and Kennedy 2001, *Optimizing Compilers for Modern Architectures*,
    section 2.4). Parts that are not regular stay as they are.
    """
    found = tuple(outputs)
    for _ in range(PASSES):
        size = len(graph.nodes)
        if size < LEAST_SAVED:
            break
        once = _Pass(graph, found)
        if not once.useful:
            break
        once.run()
        graph, found = once.result()
    return graph, found


class _Pass:
    """One rewriting of a graph."""

    def __init__(self, graph: Graph, outputs: tuple[View, ...]) -> None:
        self.outputs = outputs
        self.rewriting = Rewriting(graph, outputs)
        self.chains = chains(self.rewriting)
        self.deferred = {node for chain in self.chains.values() for node in chain}
        self.rolled: set[Node] = set()
        self.sequence = [
            n for n in self.rewriting.nodes if n.op not in LEAVES and n not in self.deferred
        ]
        found = blocks(_symbols(self.sequence))
        self.blocks = [b for b in found if b.period * (b.steps - 1) >= LEAST_SAVED]

    @property
    def useful(self) -> bool:
        """Whether there is anything to roll."""
        return bool(self.blocks or self.chains)

    def run(self) -> None:
        """Rewrite all nodes, in their order."""
        position = {node: k for k, node in enumerate(self.sequence)}
        linker = Linker(position, self.rewriting.places)
        starts = {self.sequence[b.start]: b for b in self.blocks}
        for node in self.rewriting.nodes:
            if node in self.deferred:
                if node in self.chains:
                    rewrite(self.rewriting, self.chains[node])
                continue
            if node in starts:
                self._block(starts[node], linker)
            if node in position:
                self._single(node)

    def _single(self, node: Node) -> None:
        if node not in self.rewriting.places and node not in self.rolled:
            self.rewriting.copy(node)

    def result(self) -> tuple[Graph, tuple[View, ...]]:
        """The new graph and its outputs."""
        return self.rewriting.graph, tuple(map(self.rewriting.view, self.outputs))

    def _block(self, block: Block, linker: Linker) -> None:
        for steps in linker.regular(block, self.sequence):
            start = block.start
            for node in self.sequence[start : start + steps.first * block.period]:
                self._single(node)
            if _roll(self.rewriting, steps):
                for row in steps.nodes[steps.first : steps.last]:
                    self.rolled.update(row)


def _roll(rewriting: Rewriting, steps: Steps) -> bool:
    """Rewrite all nodes of some steps, if there is a way for each."""
    table = Table(rewriting, steps)
    links = steps.links[steps.first]
    needs = [[x.position for x in row if isinstance(x, Inside)] for row in links]
    parts = components(needs)
    alone = [p for p in parts if len(p) == 1 and p[0] not in needs[p[0]]]
    memory = steps.length * sum(table.node(p).size for p in range(len(needs)))
    if memory > MOST_ELEMENTS or not all(can_batch(table, p[0]) for p in alone):
        return False
    for members in parts:
        first = members[0]
        if members in alone:
            batch(table, first)
        elif len(members) == 1 and is_sum(table, first):
            add_up(table, first)
        else:
            loop(table, members)
    return True


def _symbols(sequence: Sequence[Node]) -> list[int]:
    """Equal numbers for nodes that do the same; calls are like no others."""
    numbers: dict[Hashable, int] = {}
    found = []
    for node in sequence:
        if node.op in (Op.CALL, Op.RESULT):
            key: Hashable = node
        else:
            args = tuple([(ref.strides, ref.node.op is Op.LITERAL) for ref in node.args])
            key = node.op, node.domain, node.kind, node.attr, node.size, args
        found.append(numbers.setdefault(key, len(numbers)))
    return found
