"""The random numbers of a program that is recorded: arrays as long as what it takes of them."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from pyro.compile import views
from pyro.compile.capture.memory import Memories
from pyro.compile.draws.noise import positions
from pyro.compile.ir import Node, View

_LANES = 8  # streams are whole vectors, so that no code for single numbers is needed
_GOLDEN = 0.6180339887498949  # its multiples are spread evenly over (0, 1)


@final
class Streams:
    """Uniform and normal numbers, each stream one array that grows while the program runs.

    :param memories: Are told that tensors hold parts of a stream.
    :param key: Three reals, as :func:`~pyro.compile.draws.noise.make_key` makes them.
    """

    def __init__(self, memories: Memories, key: View) -> None:
        self._memories, self._key = memories, key
        self._nodes: dict[str, list[Node]] = {}
        self._taken: dict[str, int] = {}

    def take(self, stream: str, count: int) -> Tensor:
        """The next numbers of a stream: any such numbers, which stand for those of the key."""
        start = self._taken.get(stream, 0)
        numbers = _numbers(stream, start, count)
        if count:
            nodes = self._nodes_of(stream)
            self._taken[stream] = start + count
            # What grows is never read as a whole, which would be another array afterwards.
            _resize(nodes, start + count + 1)
            view = View(nodes[-1], (count,), (0 if count == 1 else 1,), start)
            self._memories.add(numbers, view)
        return numbers

    def end(self) -> None:
        """The streams are as long as they are now."""
        for stream, nodes in self._nodes.items():
            size = _resize(nodes, self._taken[stream])
            self._memories.graph.constants[nodes[0].attr] = positions(stream, 0, size)

    def _nodes_of(self, stream: str) -> list[Node]:
        """The positions in a stream, then what is computed of them, up to the numbers."""
        nodes = self._nodes.get(stream)
        if nodes is None:
            graph = self._memories.graph
            place = graph.data(positions(stream, 0, _LANES))
            lanes = [views.select(self._key, 0, part) for part in range(3)]
            made = [place, graph.map("uniform", *lanes, place)]
            if stream == "normal":
                made.append(graph.map("ndtri", made[-1]))
            nodes = self._nodes[stream] = [view.node for view in made]
        return nodes


def _resize(nodes: list[Node], least: int) -> int:
    """Make vectors so long, rounded up to whole lanes."""
    size = -(-least // _LANES) * _LANES
    for node in nodes:
        node.size, node.domain = size, (size,)
    return size


def _numbers(stream: str, start: int, count: int) -> Tensor:
    """Any numbers such as a stream has."""
    place = torch.arange(start + 1, start + count + 1, dtype=torch.float64)
    uniform = (place * _GOLDEN).frac()
    return torch.special.ndtri(uniform) if stream == "normal" else uniform
