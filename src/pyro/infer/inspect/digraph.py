"""The picture of a model, drawn by graphviz."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Collection
from typing import Any

from pyro.infer.inspect.model_text import ModelText
from pyro.infer.inspect.plates import label_of
from pyro.infer.inspect.specification import (
    GraphSpecification,
    nodes_directly_in,
    plates_directly_in,
)

_FILL = {True: "gray", False: "white", "partly": "gray:white"}


def render_graph(
    graph_specification: GraphSpecification, render_distributions: bool = False
) -> Any:
    """A ``graphviz.Digraph`` of a model.

    Sample sites are ellipses, gray where observed, half gray where observed in some runs only, and
    with a dashed line where computed. Parameters have no line. Plates are boxes.

    :param graph_specification: What
        :func:`~pyro.infer.inspect.generate_graph_specification` returns.
    :param render_distributions: Whether the families of the sites, and the constraints of the
        parameters, are listed.
    :raises ImportError: without the package ``graphviz``.
    """
    spec = graph_specification
    graph = _digraph_class()()
    graph.text = ModelText(spec, render_distributions)
    ids = _ids(spec["node_data"])
    _add_plate(graph, spec, None, ids)
    for source, name in spec["edge_list"]:
        graph.edge(ids[source], ids[name])
    if render_distributions:
        _add_laws(graph, spec)
    return graph


def can_draw() -> bool:
    """Whether the program ``dot`` is found."""
    return shutil.which("dot") is not None


def law_of(name: str, node: dict[str, Any]) -> str:
    """A line such as ``x ~ Normal`` or ``scale : Positive()``."""
    if node["distribution"] is None:
        return f"{name} : {node['constraint']}"
    return f"{name} ~ {node['distribution']}"


@functools.cache
def _digraph_class() -> Any:
    import graphviz

    class ModelGraph(graphviz.Digraph):  # type: ignore[misc]
        """A Digraph that notebooks show as text where the program ``dot`` is missing."""

        text: ModelText

        def _repr_mimebundle_(
            self,
            include: Collection[str] | None = None,
            exclude: Collection[str] | None = None,
            **_: Any,
        ) -> dict[str, str]:
            bundle: Any = super() if can_draw() else self.text
            result: dict[str, str] = bundle._repr_mimebundle_(include, exclude)
            return result

    return ModelGraph


def _add_plate(
    graph: Any, spec: GraphSpecification, plate: str | None, ids: dict[str, str]
) -> None:
    """Add the nodes and boxes in one box."""
    import graphviz

    for name in nodes_directly_in(spec, plate):
        node = spec["node_data"][name]
        graph.node(
            ids[name],
            label=graphviz.escape(name),
            shape="plain" if node["distribution"] is None else "ellipse",
            style="filled,dashed" if node["distribution"] == "Deterministic" else "filled",
            fillcolor=_FILL[node["is_observed"]],
        )
    for inner in plates_directly_in(spec, plate):
        with graph.subgraph(name=f"cluster_{inner}") as box:
            box.attr(label=graphviz.escape(label_of(inner)), labeljust="r", labelloc="b")
            _add_plate(box, spec, inner, ids)


def _add_laws(graph: Any, spec: GraphSpecification) -> None:
    import graphviz

    lines = [law_of(name, node) for name, node in spec["node_data"].items()]
    text = "".join(f"{graphviz.escape(line)}\\l" for line in lines)
    graph.node("distribution_description_node", label=graphviz.nohtml(text), shape="plaintext")


def _ids(names: Collection[str]) -> dict[str, str]:
    """An identifier for each node: its name, unless dot would split it at a colon."""
    return {n: n if ":" not in n else f"{n.replace(':', '_')}__{i}" for i, n in enumerate(names)}
