"""The picture of a model in characters."""

from __future__ import annotations

import html
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple, final

from pyro.infer.inspect.plates import label_of
from pyro.infer.inspect.specification import (
    GraphSpecification,
    nodes_directly_in,
    plates_directly_in,
)

_KINDS = ("latent", "observed", "observed in some runs", "computed", "parameter")


class _Alphabet(NamedTuple):
    """The characters of a picture: of sites by kind, of an arrow, of the lines of a box."""

    marks: str
    arrow: str
    across: str
    down: str
    corners: tuple[str, str, str, str]


_UNICODE = _Alphabet("○●◐◇□", "←", "─", "│", ("╭", "╮", "╰", "╯"))
_ASCII = _Alphabet("o*%.=", "<-", "-", "|", ("+", "+", "+", "+"))
_STATES = {True: "observed", False: "latent", "partly": "observed in some runs"}


@final
class ModelText:
    """A model as lines of text: what each site depends on, with plates as boxes.

    It shows itself when printed and in notebooks; in plain characters where the standard output
    takes no others.
    """

    def __init__(self, spec: GraphSpecification, render_distributions: bool = False) -> None:
        self._spec = spec
        self._laws = render_distributions
        nodes = spec["node_data"].items()
        params = [name for name, node in nodes if node["distribution"] is None]
        self._order = [*params, *(name for name, _ in nodes if name not in params)]

    def __str__(self) -> str:
        return self._text(_alphabet_of(getattr(sys.stdout, "encoding", None)))

    __repr__ = __str__

    @property
    def source(self) -> str:
        """The text, in Unicode."""
        return self._text(_UNICODE)

    def save(self, filename: str | Path) -> None:
        """Write the text to a file."""
        Path(filename).write_text(f"{self.source}\n", encoding="utf-8")

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.source)}</pre>"

    def _repr_mimebundle_(
        self,
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
        **_: Any,
    ) -> dict[str, str]:
        return {"text/plain": self.source, "text/html": self._repr_html_()}

    def _text(self, alphabet: _Alphabet) -> str:
        kinds = [self._kind(node) for node in self._spec["node_data"].values()]
        marks = zip(_KINDS, alphabet.marks, strict=True)
        legend = "  ".join(f"{mark} {kind}" for kind, mark in marks if kind in kinds)
        return "\n".join([*self._lines(None, alphabet), "", legend])

    def _lines(self, plate: str | None, alphabet: _Alphabet) -> Iterator[str]:
        """The sites and boxes in one box, in the order in which the model comes to them."""
        entries = [
            (self._order.index(name), [self._line(name, alphabet)])
            for name in nodes_directly_in(self._spec, plate)
        ]
        for inner in plates_directly_in(self._spec, plate):
            first = min(self._order.index(name) for name in self._spec["plate_groups"][inner])
            inside = list(self._lines(inner, alphabet))
            entries.append((first, _box(label_of(inner), inside, alphabet)))
        for _, lines in sorted(entries, key=lambda entry: entry[0]):
            yield from lines

    def _line(self, name: str, alphabet: _Alphabet) -> str:
        node = self._spec["node_data"][name]
        law = ""
        if self._laws:
            computed = node["distribution"] is None
            law = f" : {node['constraint']}" if computed else f" ~ {node['distribution']}"
        above = [source for source, effect in self._spec["edge_list"] if effect == name]
        arrow = f" {alphabet.arrow} {', '.join(above)}" if above else ""
        return f"{alphabet.marks[_KINDS.index(self._kind(node))]} {name}{law}{arrow}"

    def _kind(self, node: dict[str, Any]) -> str:
        if node["distribution"] is None:
            return "parameter"
        if node["distribution"] == "Deterministic":
            return "computed"
        return _STATES[node["is_observed"]]


def _alphabet_of(encoding: str | None) -> _Alphabet:
    """The richest one that can be written in an encoding."""
    try:
        "".join("".join(part) for part in _UNICODE).encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return _ASCII
    return _UNICODE


def _box(label: str, lines: list[str], alphabet: _Alphabet) -> list[str]:
    across, down = alphabet.across, alphabet.down
    top_left, top_right, left, right = alphabet.corners
    width = max(len(label) + 2, *(len(line) for line in lines))
    top = f"{across} {label} ".ljust(width + 2, across)
    return [
        f"{top_left}{top}{top_right}",
        *(f"{down} {line.ljust(width)} {down}" for line in lines),
        f"{left}{across * (width + 2)}{right}",
    ]
