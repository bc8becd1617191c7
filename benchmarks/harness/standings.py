"""The tables of a suite: ours against the best peer, and all figures of all libraries."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .report import duration
from .suite import Figure, Record, Suite, figures_of
from .summary import Spread, extremes


class Standing(NamedTuple):
    """Ours against the best peer in one figure of one model.

    ``advantage`` is how many times better ours is, above 1, or worse, below: the median of the
    rounds, with the least and the greatest.
    """

    model: str
    figure: Figure
    ours: float
    peer: float
    library: str
    advantage: Spread


def medians(records: Iterable[Record], figure: str) -> dict[tuple[str, str], float]:
    """Medians over rounds, by model and library."""
    found: dict[tuple[str, str], list[float]] = {}
    for record in records:
        if figure in figures_of(record):
            key = record["model"], record["library"]
            found.setdefault(key, []).append(figures_of(record)[figure])
    return {key: statistics.median(values) for key, values in found.items()}


def standing(records: Sequence[Record], model: str, figure: Figure) -> Standing | None:
    """None if ours or all peers lack the figure."""
    found = {lib: v for (m, lib), v in medians(records, figure.name).items() if m == model}
    ours = found.pop("ours", None)
    found = {library: value for library, value in found.items() if figure.counts(library)}
    if ours is None or not found:
        return None
    best = max if figure.more_is_better else min
    library = best(found, key=lambda name: found[name])
    pairs = _pairs(records, model, library, figure.name)
    ratios = [(a / b if figure.more_is_better else b / a) for a, b in pairs]
    if not ratios:
        return None
    return Standing(model, figure, ours, found[library], library, extremes(ratios))


def _pairs(
    records: Sequence[Record], model: str, library: str, figure: str
) -> list[tuple[float, float]]:
    """Ours and the peer's, of rounds in which both have the figure."""
    rounds: dict[int, dict[str, float]] = {}
    for record in records:
        if record["model"] == model and figure in figures_of(record):
            row = rounds.setdefault(record["round"], {})
            row[record["library"]] = figures_of(record)[figure]
    return [(row["ours"], row[library]) for row in rounds.values() if {"ours", library} <= set(row)]


def number(value: float | None, kind: str) -> str:
    """A figure as text; a dash for what is not there."""
    if value is None:
        return "—"
    if kind == "time":
        return duration(value)
    return f"{value:.3g}" if abs(value) < 1e3 else f"{value:,.0f}".replace(",", " ")


def compared(suite: Suite, records: Sequence[Record]) -> str:
    """A line for each model and compared figure."""
    lines = [
        "| model | figure | ours | best peer | | ours is better by |",
        "|---|---|---|---|---|---|",
    ]
    for model in _models(records):
        for figure in suite.figures:
            found = standing(records, model, figure) if figure.compared else None
            if found is not None:
                lines.append(_line(found))
    return "\n".join(lines)


def _line(found: Standing) -> str:
    factor, kind = found.advantage, found.figure.kind
    times = f"{factor.median:.3g}× [{factor.low:.3g}, {factor.high:.3g}]"
    shown = f"**{times}**" if factor.median >= 1 else f"{times} (worse)"
    ours, peer = number(found.ours, kind), number(found.peer, kind)
    return f"| {found.model} | {found.figure.name} | {ours} | {peer} | {found.library} | {shown} |"


def everything(suite: Suite, records: Sequence[Record]) -> str:
    """A line for each model and library with all figures."""
    names = [figure.name for figure in suite.figures]
    lines = [f"| model | library | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    found = {name: medians(records, name) for name in names}
    for model in _models(records):
        for library in _libraries(records, model):
            key = model, library
            cells = [number(found[f.name].get(key), f.kind) for f in suite.figures]
            lines.append(f"| {model} | {library} | {' | '.join(cells)} |")
    return "\n".join(lines)


def remarks(records: Sequence[Record]) -> list[str]:
    """What failed, and what workers noted, once each."""
    said: dict[str, None] = {}
    for record in records:
        where = f"{record['model']}, {record['library']}"
        if "failed" in record:
            said[f"{where}: {record['failed']}"] = None
        if record.get("note"):
            said[f"{where}: {record['note']}"] = None
    return list(said)


def versions(records: Sequence[Record]) -> dict[str, str]:
    """The versions that the workers saw, by library."""
    found: dict[str, Mapping[str, str]] = {}
    for record in records:
        if "versions" in record:
            found.setdefault(record["library"], record["versions"])
    return {
        library: ", ".join(f"{name} {version}" for name, version in packages.items())
        for library, packages in found.items()
    }


def _models(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(record["model"] for record in records))


def _libraries(records: Sequence[Record], model: str) -> list[str]:
    there = (record["library"] for record in records if record["model"] == model)
    return list(dict.fromkeys(there))


def page(suite: Suite, records: Sequence[Record], where: Mapping[str, str]) -> str:
    """The page of results of a suite."""
    facts = where | versions(records)
    listed = "\n".join(f"* {key}: {value}" for key, value in facts.items())
    said = "\n".join(f"* {remark}" for remark in remarks(records))
    parts = [
        f"# {suite.title}",
        "Written by `make bench`; how it is measured is in the [README](../README.md). Figures are "
        "medians over rounds; the advantage is the median over rounds, with the least and the "
        "greatest.",
        listed,
        compared(suite, records),
        "## All figures",
        everything(suite, records),
    ]
    if said:
        parts += ["## Remarks", said]
    return "\n\n".join(parts) + "\n"
