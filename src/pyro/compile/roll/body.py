"""A graph that is run at each step of a loop, and the node of the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pyro.compile.cache import structure
from pyro.compile.emit.loop import Carry, Loop, Stream
from pyro.compile.emit.program import write_body
from pyro.compile.fuse import Fusion, live_nodes
from pyro.compile.graph import Graph
from pyro.compile.ir import Kind, Routine, View
from pyro.compile.jit import machine
from pyro.compile.schedule import Schedule


class Body(NamedTuple):
    """What a loop does at a step.

    Arrays are counted through: the arguments of the loop first, then its results.

    :param graph: the graph, whose inputs are ``inputs`` and whose results go to ``streams``.
    :param outputs: whole nodes of the graph.
    :param sizes: elements of each result.
    """

    graph: Graph
    inputs: tuple[Stream, ...]
    outputs: tuple[View, ...]
    streams: tuple[Stream, ...]
    carries: tuple[Carry, ...]
    sizes: tuple[int, ...]
    kinds: tuple[Kind, ...] | None = None  # of each result; real numbers by default


def add_loop(graph: Graph, steps: int, body: Body, arguments: Sequence[View]) -> list[View]:
    """The results of a loop, flat."""
    schedule = Schedule(Fusion(body.graph, body.outputs))
    nodes = tuple(view.node for view in body.outputs)
    scratch, write = write_body(schedule, nodes, machine().target)
    sizes = (*body.sizes, scratch // 8 + 8)
    loop = Loop(
        steps=steps,
        body=structure(live_nodes(nodes), body.outputs, ()),
        inputs=body.inputs,
        outputs=body.streams,
        carries=body.carries,
        sizes=sizes,
        schedule=schedule,
        write=write,
    )
    kinds = body.kinds or (Kind.F,) * len(body.sizes)
    return graph.call(Routine("loop", (loop,), sizes, (*kinds, Kind.F)), *arguments)[:-1]
