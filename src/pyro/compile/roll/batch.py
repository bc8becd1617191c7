"""Positions whose steps do not depend on each other: one node with a dim for the steps."""

from __future__ import annotations

from pyro.compile.affine import coalesce
from pyro.compile.ir import Kind, Node, Op, Ref, Shape, View, contiguous
from pyro.compile.roll.links import Inside, Number
from pyro.compile.roll.rewriting import Place
from pyro.compile.roll.rows import Rows, Table


def can_batch(table: Table, position: int) -> bool:
    """Whether there is a node that does all steps at once."""
    node = table.node(position)
    if node.op is Op.UPDATE:
        base = table.steps.links[table.steps.first][position][0]
        return isinstance(base, Number) or (
            isinstance(base, Inside) and table.node(base.position).size == node.size
        )
    return node.op in (Op.MAP, Op.REDUCE, Op.SCAN)


def batch(table: Table, position: int) -> None:
    """Make the node."""
    node = table.node(position)
    if node.op is Op.MAP:
        made = _map(table, position, node)
    elif node.op is Op.UPDATE:
        made = _update(table, position, node)
    else:
        made = _other(table, position, node)
    table.add(position, Rows(made, 0, 0))


def batched(table: Table, position: int, k: int) -> View:
    """The ``k``-th argument at all steps, over the domain of its reader."""
    node = table.node(position)
    found = table.moving(position, k)
    shape = (table.steps.length, *node.domain)
    return View(found.node, shape, (found.pace, *node.args[k].strides), found.start)


def _map(table: Table, position: int, node: Node) -> Node:
    graph = table.rewriting.graph
    arguments = [batched(table, position, k) for k in range(len(node.args))]
    fn, attr = node.attr
    shape = (table.steps.length, *node.domain)
    return graph.copy(graph._map(fn, arguments, shape, node.kind, attr)).node


def _update(table: Table, position: int, node: Node) -> Node:
    graph, count = table.rewriting.graph, table.steps.length
    base = table.moving(position, 0)
    if base.node.op is Op.LITERAL:
        whole = graph.full((count * node.size,), base.node.attr, node.kind)
    else:
        whole = View(base.node, (count * node.size,), (1,), base.start)
    target = node.attr
    value = batched(table, position, 1)
    indices = [
        (batched(table, position, k + 2), step) for k, step in enumerate(target.index_strides)
    ]
    strides = (node.size, *target.strides)
    return graph.update(whole, target.mode, strides, target.offset, value, indices).node


def _other(table: Table, position: int, node: Node) -> Node:
    """A reduction or a scan."""
    count = table.steps.length
    domain: Shape = (count, *node.domain)
    argument = batched(table, position, 0)
    rows = [argument.strides]
    attr = node.attr
    if node.op is Op.REDUCE:
        domain, rows, flags = coalesce(domain, rows, (False, *node.attr[1]))
        attr = (node.attr[0], flags)
    else:
        argument = table.rewriting.graph.copy(argument)
        domain = (count * node.size // node.domain[-1], node.domain[-1])
        rows = [contiguous(domain)]
    args = (Ref(argument.node, rows[0], argument.offset),)
    graph = table.rewriting.graph
    return graph._node(node.op, domain, node.kind, args, attr, count * node.size)


def is_sum(table: Table, position: int) -> bool:
    """Whether a position only adds up, and nobody but its next step reads what it has so far."""
    steps, node = table.steps, table.node(position)
    if node.op is not Op.MAP or node.attr[0] not in ("add", "sub") or node.kind is not Kind.F:
        return False
    links = steps.links[steps.first][position]
    own = [k for k, link in enumerate(links) if isinstance(link, Inside) and link[0] == position]
    if len(own) != 1 or (node.attr[0] == "sub" and own[0] != 0):
        return False
    link, ref = links[own[0]], node.args[own[0]]
    if not isinstance(link, Inside) or link.distance != 1 or ref.offset:
        return False
    if ref.strides != contiguous(node.domain):
        return False
    rewriting = table.rewriting
    members = [steps.nodes[t][position] for t in range(steps.first, steps.last)]
    return all(rewriting.uses[m] == 1 and m not in rewriting.wanted for m in members[:-1])


def add_up(table: Table, position: int) -> None:
    """The sum over all steps, and what was there before the first."""
    steps, node = table.steps, table.node(position)
    rewriting, graph = table.rewriting, table.rewriting.graph
    links = steps.links[steps.first][position]
    (own,) = [k for k, link in enumerate(links) if isinstance(link, Inside) and link[0] == position]
    before = rewriting.row(steps.nodes[steps.first - 1][position])
    terms = graph.reduce("sum", batched(table, position, 1 - own), [0])
    shape = node.domain
    start = View(before.node, shape, contiguous(shape), before.offset)
    total = graph.copy(graph.map(node.attr[0], start, terms))
    last = steps.nodes[steps.last - 1][position]
    rewriting.places[last] = Place(total.node, 0)
