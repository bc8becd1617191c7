"""Which nodes become arrays in memory, and which are computed where they are read."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import NamedTuple

from pyro.compile.affine import Access, compose
from pyro.compile.cost import COST, cost_of
from pyro.compile.graph import Graph
from pyro.compile.ir import Node, Op, Ref, View, contiguous

LEAVES = frozenset({Op.INPUT, Op.DATA, Op.LITERAL})
DEPTH_LIMIT = 60  # of computations inside one another
CHEAP = 2  # instructions that are repeated rather than kept


class Read(NamedTuple):
    """An access, over the domain of a statement, to a node that is in memory."""

    node: Node
    access: Access


def live_nodes(outputs: Iterable[Node]) -> list[Node]:
    """The nodes on which the outputs depend, in topological order."""
    seen: set[Node] = set()
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend([ref.node for ref in node.args])
    return sorted(seen, key=attrgetter("number"))


def uses_of(nodes: Iterable[Node]) -> Counter[Node]:
    """How many of the nodes read a node."""
    found: Counter[Node] = Counter()
    for node in nodes:
        for read in {ref.node for ref in node.args}:
            found[read] = found.get(read, 0) + 1
    return found


class Fusion:
    """The decision: ``stored`` holds the nodes that are kept; the others are inlined.

    :param graph: all nodes.
    :param outputs: what the program returns.
    """

    def __init__(self, graph: Graph, outputs: tuple[View, ...]) -> None:
        self.outputs = outputs
        self.constants = graph.constants
        self.nodes = live_nodes(view.node for view in outputs)
        self.uses = uses_of(self.nodes)
        self._known: dict[Node, tuple[int, list[Read]]] = {}
        self.stored: set[Node] = set()
        self._cost: dict[Node, int] = {}
        self._depth: dict[Node, int] = {}
        self._decide()

    def _decide(self) -> None:
        wanted = {view.node for view in self.outputs}
        for node in self.nodes:
            wanted.update(self._kept_for(node))
        for node in self.nodes:
            if node.op in LEAVES:
                continue
            inlined = [r.node for r in node.args if r.node not in self.stored]
            self._cost[node] = COST(node) + sum(self._cost.get(n, 0) for n in inlined)
            self._depth[node] = 1 + max((self._depth.get(n, 0) for n in inlined), default=0)
            if (
                node.op is not Op.MAP
                or node in wanted
                or node.size == 1
                or (self.uses[node] > 1 and self._cost[node] > CHEAP)
                or self._depth[node] > DEPTH_LIMIT
            ):
                self.stored.add(node)
        for node in reversed(self.nodes):  # what one node wants stored is checked after it
            self._check_accesses(node)

    def _kept_for(self, node: Node) -> Iterator[Node]:
        """Arguments that ``node`` can only read from memory, or would compute too often."""
        points = math.prod(node.domain)
        for position, ref in enumerate(node.args):
            inner = ref.node
            if inner.op is not Op.MAP:
                continue
            if _needs_memory(node, position) or points > inner.size:
                yield inner

    def _check_accesses(self, node: Node) -> None:
        """Store what an inlined computation would read at positions that are not affine."""
        if node in self.stored and node.op not in (Op.CALL, Op.RESULT):
            found: list[Read] = []
            while not self._walk(node, found):
                found = []
            self._known[node] = len(self.stored), found

    def reads(self, node: Node) -> list[Read]:
        """All arrays that the computation of a stored node reads."""
        if node.op in (Op.CALL, Op.RESULT):
            return [Read(ref.node, Access((), 0)) for ref in node.args]
        count, known = self._known.get(node, (-1, []))
        if count == len(self.stored):  # no more nodes have been stored since
            return known
        found: list[Read] = []
        self._walk(node, found)
        return found

    def value_reads(self, node: Node) -> list[Read]:
        """The arrays that an UPDATE reads for its values and indices, not the one it goes into."""
        found: list[Read] = []
        self._walk(node, found, 1)
        return found

    def _walk(self, root: Node, found: list[Read], first: int = 0) -> bool:
        waiting = [(ref, Access(ref.strides, ref.offset)) for ref in root.args[first:]]
        seen: set[tuple[Node, Access]] = set()
        while waiting:
            ref, access = waiting.pop()
            node = ref.node
            if node.op is Op.LITERAL or (node, access) in seen:
                continue
            seen.add((node, access))
            if node in self.stored or node.op in LEAVES:
                found.append(Read(node, access))
                continue
            for inner in node.args:
                composed = compose_ref(root.domain, access, node, inner)
                if composed is None:
                    self.stored.add(node)
                    return False
                waiting.append((inner, composed))
        return True


def compose_ref(domain: tuple[int, ...], access: Access, node: Node, inner: Ref) -> Access | None:
    """The access of ``inner``, an argument of ``node``, when ``node`` is read at ``access``."""
    return compose(domain, access, node.domain, Access(inner.strides, inner.offset))


def _needs_memory(node: Node, position: int) -> bool:
    """Whether an argument is read at positions that only the run knows, or as a whole."""
    if node.op in (Op.CALL, Op.RESULT):
        return True
    return position == 0 and (
        node.op is Op.UPDATE or (node.op is Op.MAP and node.attr[0] == "lookup")
    )


@functools.lru_cache(maxsize=1 << 12)
def identity(domain: tuple[int, ...]) -> Access:
    """The access of each element by its own indices."""
    return Access(contiguous(domain), 0)


__all__ = ["Fusion", "Read", "compose_ref", "cost_of", "identity", "live_nodes", "uses_of"]
