"""The picture of a model in characters."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, final

from pyro.infer.inspect.plates import label_of
from pyro.infer.inspect.specification import (
    GraphSpecification,
    nodes_directly_in,
    plates_directly_in,
)

_KINDS = {
    "latent": "\N{WHITE CIRCLE}",
    "observed": "\N{BLACK CIRCLE}",
    "observed in some runs": "\N{CIRCLE WITH LEFT HALF BLACK}",
    "computed": "\N{WHITE DIAMOND}",
    "parameter": "\N{WHITE SQUARE}",
}
_STATES = {True: "observed", False: "latent", "partly": "observed in some runs"}


@final
class ModelText:
    """A model as lines of text: what each site depends on, with plates as boxes.

    It shows itself when printed and in notebooks.
    """

    def __init__(self, spec: GraphSpecification, render_distributions: bool = False) -> None:
        self._spec = spec
        self._laws = render_distributions
        nodes = spec["node_data"].items()
        params = [name for name, node in nodes if node["distribution"] is None]
        self._order = [*params, *(name for name, _ in nodes if name not in params)]

    def __str__(self) -> str:
        kinds = [self._kind(node) for node in self._spec["node_data"].values()]
        legend = "  ".join(f"{mark} {kind}" for kind, mark in _KINDS.items() if kind in kinds)
        return "\n".join([*self._lines(None), "", legend])

    __repr__ = __str__

    @property
    def source(self) -> str:
        """The text."""
        return str(self)

    def save(self, filename: str | Path) -> None:
        """Write the text to a file."""
        Path(filename).write_text(f"{self}\n", encoding="utf-8")

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def _repr_mimebundle_(
        self,
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
        **_: Any,
    ) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}

    def _lines(self, plate: str | None) -> Iterator[str]:
        """The sites and boxes in one box, in the order in which the model comes to them."""
        entries = [
            (self._order.index(name), [self._line(name)])
            for name in nodes_directly_in(self._spec, plate)
        ]
        for inner in plates_directly_in(self._spec, plate):
            first = min(self._order.index(name) for name in self._spec["plate_groups"][inner])
            entries.append((first, _box(label_of(inner), list(self._lines(inner)))))
        for _, lines in sorted(entries, key=lambda entry: entry[0]):
            yield from lines

    def _line(self, name: str) -> str:
        node = self._spec["node_data"][name]
        law = ""
        if self._laws:
            computed = node["distribution"] is None
            law = f" : {node['constraint']}" if computed else f" ~ {node['distribution']}"
        above = [source for source, effect in self._spec["edge_list"] if effect == name]
        arrow = f" \N{LEFTWARDS ARROW} {', '.join(above)}" if above else ""
        return f"{_KINDS[self._kind(node)]} {name}{law}{arrow}"

    def _kind(self, node: dict[str, Any]) -> str:
        if node["distribution"] is None:
            return "parameter"
        if node["distribution"] == "Deterministic":
            return "computed"
        return _STATES[node["is_observed"]]


def _box(label: str, lines: list[str]) -> list[str]:
    width = max(len(label) + 2, *(len(line) for line in lines))
    top = f"\N{BOX DRAWINGS LIGHT HORIZONTAL} {label} ".ljust(
        width + 2, "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
    )
    bottom = "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * (width + 2)
    side = "\N{BOX DRAWINGS LIGHT VERTICAL}"
    return [
        f"\N{BOX DRAWINGS LIGHT ARC DOWN AND RIGHT}{top}\N{BOX DRAWINGS LIGHT ARC DOWN AND LEFT}",
        *(f"{side} {line.ljust(width)} {side}" for line in lines),
        f"\N{BOX DRAWINGS LIGHT ARC UP AND RIGHT}{bottom}\N{BOX DRAWINGS LIGHT ARC UP AND LEFT}",
    ]
