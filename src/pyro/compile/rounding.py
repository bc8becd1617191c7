"""Rounding to float32, wherever torch would store a tensor of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from pyro.compile.float32 import Float32Values, to_single
from pyro.compile.ir import Kind, View

if TYPE_CHECKING:
    from pyro.compile.graph import Graph


@final
class Rounding:
    """Rounds what a graph computes in float64, where torch has float32.

    Torch rounds after each operation, so that ``loc + scale * eps`` is ``loc`` where ``scale`` is
    small enough. A program that keeps more digits of one of them, and not of the other, has
    another difference of both: that of roundings, divided by ``scale``. With one rounding for each
    operation, a tensor of float32 is one and the same number wherever it is read.

    :param graph: the graph.
    :param inputs: positions of inputs that are float32.
    """

    def __init__(self, graph: Graph, inputs: Collection[int]) -> None:
        self._graph = graph
        self._values = Float32Values(graph, inputs)

    def __call__(self, x: View) -> View:
        """``x`` as float32 holds it."""
        if x.kind is not Kind.F or x.node in self._values:
            return x
        return self._graph.map("single", x)

    def arguments(
        self, given: Sequence[Any], named: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Tensors and numbers as torch takes them in an operation of float32."""
        return [self._argument(x) for x in given], {k: self._argument(x) for k, x in named.items()}

    def _argument(self, x: Any) -> Any:
        if isinstance(x, View):
            return self(x)
        return to_single(x) if isinstance(x, float) else x
