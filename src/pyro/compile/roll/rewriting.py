"""A graph that is made anew from another: where the elements of each old node are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pyro.compile.fuse import LEAVES, live_nodes, uses_of
from pyro.compile.graph import Graph
from pyro.compile.ir import Node, Op, Ref, View


class Place(NamedTuple):
    """The elements of an old node are those of ``node`` from ``start`` on."""

    node: Node
    start: int


class Rewriting:
    """The old graph and the new one, with the places of what has been rewritten so far.

    :ivar nodes: the live nodes of the old graph.
    :ivar uses: how many live nodes read a node.
    :ivar wanted: the nodes of the outputs.
    """

    def __init__(self, graph: Graph, outputs: Sequence[View]) -> None:
        self.nodes = live_nodes(view.node for view in outputs)
        self.wanted = {view.node for view in outputs}
        self.uses = uses_of(self.nodes)
        self.graph = Graph()
        self.graph.constants = graph.constants
        self.places: dict[Node, Place] = {}
        for node in self.nodes:
            if node.op in LEAVES:
                self.copy(node)

    def copy(self, node: Node) -> None:
        """The same node in the new graph."""
        args = list(map(self.ref, node.args))
        if node.op in (Op.CALL, Op.RESULT):
            args = [self.whole(ref.node)._replace(strides=ref.strides) for ref in node.args]
        elif node.op is Op.UPDATE:
            args[0] = self.whole(node.args[0].node)._replace(strides=node.args[0].strides)
        made = self.graph._node(node.op, node.domain, node.kind, tuple(args), node.attr, node.size)
        self.places[node] = Place(made, 0)

    def ref(self, ref: Ref) -> Ref:
        """The same elements in the new graph."""
        node, start = self.places[ref.node]
        return Ref(node, ref.strides, ref.offset + start)

    def view(self, view: View) -> View:
        """The same elements in the new graph."""
        node, start = self.places[view.node]
        return view._replace(node=node, offset=view.offset + start)

    def row(self, node: Node) -> View:
        """All elements of an old node, flat."""
        made, start = self.places[node]
        return View(made, (node.size,), (1,) if node.op is not Op.LITERAL else (0,), start)

    def whole(self, node: Node) -> Ref:
        """A new node whose elements are those of an old one, and no others."""
        if node.op in (Op.LITERAL, Op.CALL):
            return Ref(self.places[node].node, (), 0)
        return Ref(self.graph.copy(self.row(node)).node, (), 0)
