"""Arrays in single precision: float32 in memory, where half the bytes move, computed in float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

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
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    least: int
    others: tuple[Op, ...]


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
    given, found = (
        tuple(k for k, t in enumerate(tensors) if t.dtype is torch.float32)
        for tensors in (inputs, results)
    )
    return Wish(given, found, LEAST, () if draws else (Op.DATA, Op.MAP))


def singles(nodes: Sequence[Node], outputs: Sequence[Node], wish: Wish | None) -> frozenset[Node]:
    """The arrays of real numbers that are held in single precision.

    What grows by addition is not among them, nor what is read or written as a whole: by LAPACK, by
    torch, by loops over steps, or to be a copy that is written into.

    :param nodes: all on which the outputs depend.
    """
    if wish is None:
        return frozenset()
    whole = {ref.node for n in nodes if n.op is Op.CALL for ref in n.args}
    whole.update(n.args[0].node for n in nodes if n.op is Op.UPDATE)
    returned = {node: k in wish.outputs for k, node in enumerate(outputs)}

    def fits(node: Node) -> bool:
        if node.op is Op.INPUT:
            return node.attr in wish.inputs
        if node in returned:
            return node.op is Op.MAP and returned[node]
        return node.op in wish.others and node.size >= wish.least

    return frozenset(n for n in nodes if n.kind is Kind.F and n not in whole and fits(n))


def narrow_constants(graph: Graph, single: frozenset[Node]) -> None:
    """Have the constants among the nodes in single precision."""
    for node in single:
        if node.op is Op.DATA:
            graph.constants[node.attr] = graph.constants[node.attr].to(torch.float32)
