"""Arrays in single precision: float32 in memory, where half the bytes move, computed in float64."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyro.compile import gemm
from pyro.compile.float32 import Float32Values
from pyro.compile.graph import Graph
from pyro.compile.ir import Kind, Node, Op

LEAST = 1024  # elements; shorter arrays stay near the processor, whatever their type


def check_held(held: torch.dtype) -> None:
    """:raises ValueError: if arrays cannot be held in this type."""
    if held not in (torch.float64, torch.float32):
        raise ValueError(
            f"compiled code holds arrays as float64 or float32, not as {held}; give one of these "
            "as dtype"
        )


class Wish(NamedTuple):
    """What may be held in single precision; it decides, together with the program.

    :param inputs: positions of inputs.
    :param outputs: positions of results.
    :param least: elements from which other arrays may be.
    :param others: which those are.
    :param rounded: whether arrays are, of any length, if float32 holds their elements: the program
        rounds to it.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    least: int
    others: tuple[Op, ...]
    rounded: bool = False


def wish_for(
    inputs: Sequence[Tensor], results: Sequence[Tensor], density: bool, draws: bool
) -> Wish:
    """What may be in single precision.

    :param density: whether samplers call the code: they give and take float64, and go to points
        where what is computed on the way is beyond float32.
    :param draws: whether random numbers are drawn: their counters, and numbers next to one, need
        all digits.
    """
    if density:
        return Wish((), (), LEAST, (Op.DATA,))
    others = () if draws else (Op.DATA, Op.MAP)
    return Wish(places_of_single(inputs), places_of_single(results), LEAST, others)


def wish_for_step(inputs: Sequence[Tensor], results: Sequence[Tensor]) -> Wish:
    """What is in single precision where a step is repeated, whose program rounds to it."""
    given, found = places_of_single(inputs), places_of_single(results)
    return Wish(given, found, 1, (Op.DATA, Op.MAP, Op.UPDATE), True)


def places_of_single(tensors: Sequence[Tensor]) -> tuple[int, ...]:
    """Which of the tensors are float32."""
    return tuple(k for k, t in enumerate(tensors) if t.dtype is torch.float32)


def singles(
    graph: Graph, nodes: Sequence[Node], outputs: Sequence[Node], wish: Wish | None
) -> frozenset[Node]:
    """The arrays of real numbers that are held in single precision.

    What grows by addition is not among them, nor what is read or written as a whole: by LAPACK, by
    torch, by loops over steps, or to be a copy that is written into. What BLAS reads and writes in
    single precision is.

    :param nodes: all on which the outputs depend.
    """
    if wish is None:
        return frozenset()
    values = Float32Values(graph, wish.inputs) if wish.rounded else None
    calls = [n for n in nodes if n.op is Op.CALL]
    products = {n for n in calls if n.attr.name == gemm.SINGLE}
    forced = {part for n in products for ref in n.args for part in parts_of(ref.node)}
    forced.update(n for n in nodes if n.op is Op.RESULT and n.args[0].node in products)
    joined = joins(nodes) if Op.UPDATE in wish.others else set()
    whole = {ref.node for n in calls if n not in products for ref in n.args}
    whole.update(n.args[0].node for n in nodes if n.op is Op.UPDATE and n not in joined)
    returned = {node: k in wish.outputs for k, node in enumerate(outputs)}
    forced |= {p for n, k in returned.items() if k and n in joined for p in parts_of(n)}

    def fits(node: Node) -> bool:
        if node.op is Op.INPUT:
            return node.attr in wish.inputs
        if node.op is Op.UPDATE and node not in joined:
            return False
        if node in returned:
            return returned[node] and node.op in (Op.MAP, *wish.others)
        held = node.op in wish.others and node.size >= wish.least
        return held and (values is None or node in values)

    found = {n for n in nodes if n.kind is Kind.F and n not in whole and (n in forced or fits(n))}
    return frozenset(found - _parted(nodes, joined, found))


def joins(nodes: Sequence[Node]) -> set[Node]:
    """Writes that put together an array of parts, and nothing else: each is set, none is added."""
    uses = Counter(n.args[0].node for n in nodes if n.op is Op.UPDATE)
    found: set[Node] = set()
    for node in nodes:
        if node.op is not Op.UPDATE or node.attr.mode != "set" or node.attr.index_strides:
            continue
        base = node.args[0].node
        if base.op is Op.LITERAL or (base in found and uses[base] == 1):
            found.add(node)
    for node in reversed(nodes):
        if node.op is Op.UPDATE and node not in found:
            found.discard(node.args[0].node)
    return found


def parts_of(node: Node) -> Iterator[Node]:
    """An array, and before that each write which it is put together by."""
    yield node
    while node.op is Op.UPDATE:
        node = node.args[0].node
        if node.op is Op.UPDATE:
            yield node


def _parted(nodes: Sequence[Node], joined: set[Node], single: set[Node]) -> set[Node]:
    """Writes into one array of which some cannot be in single precision; then none can."""
    wide = {n for n in joined if n not in single}
    for order in (nodes, nodes[::-1]):
        for node in order:
            if node in joined and (base := node.args[0].node) in joined:
                if base in wide:
                    wide.add(node)
                elif node in wide:
                    wide.add(base)
    return wide


def narrow_constants(graph: Graph, single: frozenset[Node]) -> None:
    """Have the constants among the nodes in single precision."""
    for node in single:
        if node.op is Op.DATA:
            graph.constants[node.attr] = graph.constants[node.attr].to(torch.float32)
