"""A suite: models, who runs them, and the figures that are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .environments import Environment

Record = dict[str, Any]
Open = Callable[[str], Environment]


class Entrant(NamedTuple):
    """A library, or one way of using it.

    :param library: what the tables call it.
    :param environment: "ours" or a peer.
    :param script: the worker, below ``benchmarks``; it is given the name of the model, the path for
        its draws if the suite has some, and ``arguments``.
    :param rounds: it takes part in so many at most.
    :param models: the models it takes part in; all by default.
    """

    library: str
    environment: str
    script: str
    arguments: tuple[str, ...] = ()
    rounds: int = 1_000
    models: frozenset[str] | None = None

    def takes(self, model: str, number: int) -> bool:
        """Whether it runs a model in a round, counted from 0."""
        return number < self.rounds and (self.models is None or model in self.models)


class Figure(NamedTuple):
    """A number that workers report.

    :param kind: "time" in seconds, "rate" per second, or "count".
    :param compared: whether a table sets ours against the best peer.
    :param against: the libraries that count as peers in it; all by default.
    """

    name: str
    kind: str = "time"
    compared: bool = True
    against: tuple[str, ...] = ()

    @property
    def more_is_better(self) -> bool:
        """Whether a greater number is the better one."""
        return self.kind == "rate"

    def counts(self, library: str) -> bool:
        """Whether a library is a peer; other ways of using ours are not."""
        return library in self.against if self.against else "ours" not in library


def nothing_to_add(records: Sequence[Record], folder: Path, opened: Open) -> None:
    """The figures of the workers are all there is."""


class Suite(NamedTuple):
    """What is run and compared.

    :param finish: adds what follows from all records together, and from the draws in a folder.
    :param saves_draws: whether workers are given a path for their draws.
    :param limit: seconds after which a worker is stopped.
    """

    name: str
    title: str
    models: tuple[str, ...]
    entrants: tuple[Entrant, ...]
    figures: tuple[Figure, ...]
    rounds: int = 3
    saves_draws: bool = False
    limit: float = 900.0
    finish: Callable[[Sequence[Record], Path, Open], None] = nothing_to_add

    def chosen(self, models: Sequence[str] | None) -> list[str]:
        """Its models, or those of them that are asked for."""
        return [model for model in self.models if models is None or model in models]

    def without(self, libraries: Sequence[str]) -> Suite:
        """The suite with fewer entrants, by what the tables call them."""
        left = tuple(entrant for entrant in self.entrants if entrant.library not in libraries)
        return self._replace(entrants=left)


def figures_of(record: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a record; none of one that failed."""
    found: dict[str, float] = record.get("figures", {})
    return found
