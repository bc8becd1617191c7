"""Statistics over rounds: each library's median and spread, and the ratio pair by pair."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

Record = dict[str, Any]
Pair = tuple[Record, Record]


class Spread(NamedTuple):
    """The median of some numbers, with the quartiles or the extremes on both sides."""

    median: float
    low: float
    high: float


class Row(NamedTuple):
    """One case: seconds per unit of both libraries, ours over the peer's, and shared results.

    What one library cannot run has the times of the other, and no ratio.
    """

    workload: str
    case: str
    unit: str
    ours: Spread | None
    peer: Spread | None
    ratio: Spread | None
    result: str
    checks: tuple[float, float] | None

    @property
    def is_lower(self) -> bool:
        """Whether ours takes less time than the peer in the median pair."""
        return self.ratio is not None and self.ratio.median < 1


def quartiles(values: Sequence[float]) -> Spread | None:
    """Median and quartiles; None of nothing."""
    if len(values) < 2:
        return extremes(values) if values else None
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def extremes(values: Sequence[float]) -> Spread:
    """Median, least and greatest."""
    return Spread(statistics.median(values), min(values), max(values))


def rows(pairs: Sequence[Pair]) -> list[Row]:
    """One row for each case of each workload, in the order in which they were measured."""
    by_workload: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_workload.setdefault(pair[0]["workload"], []).append(pair)
    return [row(group, case) for group in by_workload.values() for case in group[0][0]["cases"]]


def row(pairs: Sequence[Pair], case: str) -> Row:
    """Summarise a case over its pairs of records.

    The times of a library are those of all repeats of all rounds, with quartiles. The ratio is
    that of the two medians within each pair, which ran one after the other; its spread is from
    the least pair to the greatest.
    """
    first = pairs[0][0]
    times = [(ours["cases"][case], peer["cases"][case]) for ours, peer in pairs]
    ratios = [
        statistics.median(ours) / statistics.median(peer) for ours, peer in times if ours and peer
    ]
    return Row(
        workload=first["workload"],
        case=case,
        unit=first["unit"],
        ours=quartiles([t for ours, _ in times for t in ours]),
        peer=quartiles([t for _, peer in times for t in peer]),
        ratio=extremes(ratios) if ratios else None,
        result=first["result"],
        checks=shared_result(pairs, case),
    )


def shared_result(pairs: Sequence[Pair], case: str) -> tuple[float, float] | None:
    """What both libraries computed in a case, such as the mean loss, if the workload says."""
    if not all(case in record["checks"] for pair in pairs for record in pair):
        return None
    ours, peer = ([record["checks"][case] for record in side] for side in zip(*pairs, strict=True))
    return statistics.median(ours), statistics.median(peer)
