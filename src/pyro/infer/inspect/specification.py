"""The picture of a model as plain data: nodes, edges, and boxes in boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class GraphSpecification(TypedDict):
    """What :func:`generate_graph_specification` returns."""

    plate_groups: dict[str | None, list[str]]
    plate_data: dict[str, dict[str, str | None]]
    node_data: dict[str, dict[str, Any]]
    edge_list: list[tuple[str, str]]


def generate_graph_specification(
    model_relations: Mapping[str, Any], render_params: bool = False
) -> GraphSpecification:
    """Turn the relations of a model into nodes, edges and boxes.

    :param model_relations: What :func:`~pyro.infer.inspect.get_model_relations` returns.
    :param render_params: Whether parameters are nodes.
    :return: ``plate_groups``, the nodes in each plate, under None those in no plate;
        ``plate_data``, the plate around each plate; ``node_data``, with ``is_observed``,
        ``distribution`` and, for parameters, ``constraint``; and ``edge_list``.

    Example::

        >>> from pyro.infer.inspect import generate_graph_specification, get_model_relations
        >>> def model():
        ...     scale = pyro.param("scale", torch.tensor(1.0))
        ...     with pyro.plate("p", 2):
        ...         pyro.sample("x", dist.Normal(0.0, scale))
        >>> spec = generate_graph_specification(get_model_relations(model), render_params=True)
        >>> spec["plate_groups"], spec["edge_list"]
        ({'p': ['x'], None: ['scale']}, [('scale', 'x')])
    """
    relations = model_relations
    in_plates: dict[str, list[str]] = dict(relations["plate_sample"])
    boxed = set().union(*in_plates.values())
    nodes: dict[str, dict[str, Any]] = {
        name: {"is_observed": name in relations["observed"], "distribution": law}
        for name, law in relations["sample_dist"].items()
    }
    edges = _edges(relations["sample_sample"])
    if render_params:
        for name, constraint in relations["param_constraint"].items():
            nodes[name] = {"is_observed": False, "constraint": constraint, "distribution": None}
        edges += _edges(relations["sample_param"])
    groups: dict[str | None, list[str]] = dict(in_plates.items())
    groups[None] = [name for name in nodes if name not in boxed]
    return {
        "plate_groups": groups,
        "plate_data": {plate: {"parent": _parent(plate, in_plates)} for plate in in_plates},
        "node_data": nodes,
        "edge_list": edges,
    }


def merge_specifications(specs: Sequence[GraphSpecification]) -> GraphSpecification:
    """One picture of several runs; a node that is observed in some of them is ``"partly"`` so."""
    merged: GraphSpecification = {
        "plate_groups": {},
        "plate_data": {},
        "node_data": {},
        "edge_list": [],
    }
    seen: dict[str, set[bool]] = {}
    for spec in specs:
        for plate, members in spec["plate_groups"].items():
            group = merged["plate_groups"].setdefault(plate, [])
            group += [name for name in members if name not in group]
        for plate, data in spec["plate_data"].items():
            merged["plate_data"].setdefault(plate, data)
        for name, node in spec["node_data"].items():
            merged["node_data"].setdefault(name, dict(node))
            seen.setdefault(name, set()).add(node["is_observed"])
        merged["edge_list"] += [e for e in spec["edge_list"] if e not in merged["edge_list"]]
    for name, answers in seen.items():
        merged["node_data"][name]["is_observed"] = "partly" if len(answers) > 1 else answers.pop()
    return merged


def nodes_directly_in(spec: GraphSpecification, plate: str | None) -> list[str]:
    """The nodes in a plate that are in none of the plates inside of it."""
    inner = {n for p in plates_directly_in(spec, plate) for n in spec["plate_groups"][p]}
    return [name for name in spec["plate_groups"].get(plate, []) if name not in inner]


def plates_directly_in(spec: GraphSpecification, plate: str | None) -> list[str]:
    """The plates whose innermost surrounding plate is this one; for None, the outermost ones."""
    return [name for name, data in spec["plate_data"].items() if data["parent"] == plate]


def _edges(sources: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(source, name) for name, above in sources.items() for source in above]


def _parent(plate: str, in_plates: Mapping[str, Sequence[str]]) -> str | None:
    """The smallest other plate around all sites of a plate; of two equal ones, the first is it."""
    order = list(in_plates)
    own = set(in_plates[plate])

    def is_around(other: str) -> bool:
        larger = own < set(in_plates[other])
        return larger or (own == set(in_plates[other]) and order.index(other) < order.index(plate))

    around = [other for other in order if is_around(other)]
    return min(reversed(around), key=lambda other: len(in_plates[other]), default=None)
